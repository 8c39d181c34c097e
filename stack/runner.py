"""The life of one part: wait for what it needs, start, watch, start again."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections.abc import Iterable

import structlog

from runtime.errors import Permanent, Retryable, TidelakeError
from stack.board import Board, Row
from stack.model import HeldBack, Service, Step
from stack.process import Guarded, last_lines, send

log = structlog.get_logger()

PROBE_SECONDS = 0.25
TEND_SECONDS = 3.0
SHOWN = 500
"""Characters of a reason, which ends with what to do about it."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
# A server that ran this long before it ended is started again at once, not after the pause it had reached.
STEADY_SECONDS = 60.0
# Ends before the first "ready" that are put down to bad luck, such as a port that was taken in between.
START_ATTEMPTS = 3


class ServiceRunner(threading.Thread):
    """Keeps one service running until it is told to stop."""

    def __init__(self, service: Service, board: Board) -> None:
        super().__init__(name=service.name, daemon=True)
        self.part = service
        self._board = board
        self._stopping = threading.Event()
        self._process: Guarded | None = None
        self._was_ready = False

    def stop(self) -> None:
        """Stops the server; returns when nothing of it is left."""
        self._stopping.set()
        if self._process:
            self._process.terminate()
        failed = self._board.row(self.name).state == "failed"
        if not failed:
            self._board.change(self.name, state="stopping", detail="")
        self.join()
        self._board.change(self.name, state="failed" if failed else "stopped", pid=None, guard=None)

    def run(self) -> None:
        """The whole life; an error of ours is shown as the part's failure and not lost in a thread."""
        if not self._board.wait_usable(self.part.needs, self._stopping):
            return
        try:
            self._live()
        except Exception as error:
            _fail(self._board, self.name, error)

    def _live(self) -> None:
        pause, attempts = FIRST_PAUSE_SECONDS, 0
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once_if_possible()
            if self._stopping.is_set():
                return
            attempts += 1
            if not self._was_ready and attempts == START_ATTEMPTS:
                raise Permanent(f"{self.name} ended {attempts} times before it was ready")
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > STEADY_SECONDS else pause
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _run_once_if_possible(self) -> None:
        """A service that has been ready is never given up: what keeps it from starting, a full disk, say, can pass."""
        try:
            self._run_once()
        except Exception as error:
            if not self._was_ready:
                raise
            log.warning("a service could not be started again", service_name=self.name, error=str(error))
            self._board.change(self.name, state="restarting", detail=str(error)[:SHOWN])

    def _run_once(self) -> None:
        """From start to end; returns when nothing of the server is left."""
        began = time.time()
        self._board.change(self.name, state="restarting" if self._was_ready else "starting", detail="")
        if self._was_ready:
            self._end_carried()
        self.part.prepare()
        process = self._process = Guarded(self.part)
        try:
            self._board.change(self.name, pid=process.pid, guard=process.guard, started=began)
            reason = self._until_ready(process)
            if reason is not None:
                self._was_ready = True
                self._tell_health(reason, took=time.time() - began)
                self._watch(process)
        finally:
            self._account(process)

    def _end_carried(self) -> None:
        """Ends what hangs on the process that ended; its own runner starts it anew."""
        for row in self._board.rows():
            if row.name in self.part.carries and row.pid:
                send(row.pid, signal.SIGKILL)

    def _account(self, process: Guarded) -> None:
        """Stops what is left, and says how it ended unless that was wanted."""
        code = process.exit_code()
        process.close()
        if self._stopping.is_set():
            return
        log.warning("a service ended and is started again", service_name=self.name, exit_code=code)
        self._board.change(
            self.name,
            state="restarting" if self._was_ready else "starting",
            detail=f"ended with code {code}",
            pid=None,
            guard=None,
            restarts=self._board.row(self.name).restarts + 1,
        )

    def _until_ready(self, process: Guarded) -> str | None:
        """Probes until the server answers; None if it ended or has to stop.

        What is returned else is what it waits for an operator to do; mostly nothing.

        Raises:
            Retryable: it took too long.
        """
        give_up = time.monotonic() + self.part.ready_seconds
        reason = ""
        while not self._stopping.is_set() and process.exit_code() is None:
            try:
                self.part.ready()
                return ""
            except HeldBack as error:
                return str(error)[:SHOWN]
            except Exception as error:  # whatever a client library raises: it is not ready yet
                reason = str(error)
                self._board.change(self.name, detail=reason[:SHOWN])
            if time.monotonic() > give_up and not self._was_ready:
                raise Retryable(f"{self.name} was not ready after {self.part.ready_seconds:.0f} s", received=reason)
            self._stopping.wait(PROBE_SECONDS)
        return None

    def _watch(self, process: Guarded) -> None:
        """Returns when the server ended or has to stop; meanwhile tends it and keeps its health up to date."""
        while not self._stopping.is_set() and process.wait(TEND_SECONDS) is None:
            try:
                self.part.ready()
                if self._board.usable(self.part.tend_after):
                    self.part.tend()
                reason = ""
            except Exception as error:  # shown as the service's health
                reason = str(error)[:SHOWN]
            if not self._stopping.is_set() and process.exit_code() is None:
                self._tell_health(reason)

    def _tell_health(self, reason: str, **fields: object) -> None:
        self._board.change(self.name, state="unhealthy" if reason else "ready", detail=reason, **fields)


class StepRunner(threading.Thread):
    """Does one step once."""

    def __init__(self, step: Step, board: Board) -> None:
        super().__init__(name=step.name, daemon=True)
        self.part = step
        self._board = board
        self._stopping = threading.Event()

    def stop(self) -> None:
        """No further attempt is made. One that is under way is not waited for: a step can be cut off anywhere."""
        self._stopping.set()

    def run(self) -> None:
        """Waits for what the step needs, then makes attempts until one succeeds or none can."""
        if not self._board.wait_usable(self.part.needs, self._stopping):
            return
        began = time.time()
        self._board.change(self.name, state="starting", started=began)
        try:
            self._attempts()
        except Exception as error:
            _fail(self._board, self.name, error)
        else:
            self._board.change(self.name, state="ready", detail="", took=time.time() - began)

    def _attempts(self) -> None:
        give_up = time.monotonic() + self.part.attempt_seconds
        while not self._stopping.is_set():
            try:
                self.part.action()
                return
            except Retryable as error:
                if time.monotonic() > give_up:
                    raise
                self._board.change(self.name, detail=str(error)[:SHOWN])
                self._stopping.wait(PROBE_SECONDS)


def _fail(board: Board, name: str, error: Exception) -> None:
    """Notes the failure. A traceback is worth its lines only for errors that nobody foresaw."""
    trace = None if isinstance(error, TidelakeError) else traceback.format_exc()
    log.error("a part of the stack failed", part=name, error=str(error), trace=trace)
    board.change(name, state="failed", detail=str(error))


def failure(rows: Iterable[Row]) -> str:
    """What a person wants to know when a start failed: which part, why, and the end of its log."""
    row = next(row for row in rows if row.state == "failed")
    tail = last_lines(row.name, 15) if row.kind == "service" else ""
    return f"{row.name} failed: {row.detail}" + (f"\n--- the end of its log ---\n{tail}" if tail else "")
