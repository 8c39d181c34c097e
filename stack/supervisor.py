"""Starts every part in order of need, keeps the services running, and stops all of them in reverse order.

Run as a module, it is the supervisor of a detached stack.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from graphlib import TopologicalSorter

from observe import logs
from runtime.errors import TidelakeError
from stack import addresses
from stack.board import Board, Row
from stack.leftovers import wait_for_leftovers
from stack.lock import stack_lock
from stack.model import Part, Service
from stack.runner import ServiceRunner, StepRunner, failure
from stack.services import parts
from stack.spark import spark_jars

Runner = ServiceRunner | StepRunner

NIGHT = "night"
"""The part that reconciles: where it runs, everyone who does finds Spark's jars in the addresses."""


@contextmanager
def running_stack(listener: Callable[[Row], None] | None = None, only: Container[str] | None = None) -> Iterator[Board]:
    """Starts everything; leaving the block stops everything. Does not wait for readiness.

    Args:
        listener: is told every change.
        only: the names of the parts to start, or None for all; a part's needs have to be among them.

    Raises:
        Permanent: a stack is up already, or a port is in use.
    """
    with stack_lock():
        wait_for_leftovers()
        addresses.write(addresses.choose())
        all_parts = [part for part in parts() if only is None or part.name in only]
        if any(part.name == NIGHT for part in all_parts):
            addresses.write(addresses.ports(), {"spark_jars": ",".join(map(str, spark_jars()))})
        board = Board(all_parts, listener)
        runners = {part.name: _runner(part, board) for part in all_parts}
        for runner in runners.values():
            runner.start()
        try:
            yield board
        finally:
            for layer in reversed(layers(all_parts)):
                _stop([runners[name] for name in layer])


def _runner(part: Part, board: Board) -> Runner:
    return ServiceRunner(part, board) if isinstance(part, Service) else StepRunner(part, board)


def _stop(runners: Sequence[Runner]) -> None:
    """Stops some parts side by side."""
    with ThreadPoolExecutor(len(runners)) as pool:
        list(pool.map(lambda runner: runner.stop(), runners))


def layers(all_parts: Iterable[Part]) -> list[list[str]]:
    """The names of all parts, so that each layer needs only those before it."""
    sorter = TopologicalSorter({part.name: part.needs for part in all_parts})
    sorter.prepare()
    found = []
    while sorter.is_active():
        layer = sorter.get_ready()
        found.append(list(layer))
        sorter.done(*layer)
    return found


def stop_signals() -> threading.Event:
    """An event that Ctrl-C, SIGTERM and the closing of the terminal set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait_settled(board: Board, stop: threading.Event, show: Callable[[Board], None]) -> str:
    """Waits until every part is ready, one has failed, or `stop` is set; returns the state of the whole."""
    while not stop.is_set() and board.state() == "starting":
        show(board)
        stop.wait(0.2)
    return board.state()


def main() -> int:
    """A detached stack: until SIGTERM, or until its start fails."""
    logs.configure("supervisor", terminal=False)
    stop = stop_signals()
    try:
        with running_stack(print_change) as board:
            if wait_settled(board, stop, lambda _: None) == "failed":
                sys.stderr.write(f"{failure(board.rows())}\n")
                return 1
            stop.wait()
    except TidelakeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def print_change(row: Row) -> None:
    """One plain line about a part's new state."""
    took = f" after {row.took:.1f} s" if row.state == "ready" and row.took is not None else ""
    detail = f": {row.detail}" if row.detail else ""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {row.name} {row.state}{took}{detail}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
