"""Keeps one process for each source that needs one, and follows the definitions while they change.

A process that ends is started again, later each time; one that says that a person has to mend something (`STOPPED`)
only after its definition has changed or an operator asks for it.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from observe.logs import configure
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings, settings
from streaming.alive import sign_of_life
from streaming.sources import state
from streaming.sources.catalogue import Catalogue
from streaming.sources.definition import Source
from streaming.sources.postgres.care import Care
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.runner import STOPPED
from streaming.sources.standing import Standing
from streaming.sources.state import SourceState, State

LOOK_SECONDS = 2.0
GRACE_SECONDS = 10.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
STEADY_SECONDS = 60.0
"""A process that ran this long is not the one that failed before."""

log = structlog.get_logger()


@dataclass
class Child:
    """The process of one source, and what is known of those before it.

    Attributes:
        digest: of the definition that it was started with.
        failures: how often in a row it ended by itself.
        ended: when it ended, in UTC; None while it runs.
    """

    process: subprocess.Popen[bytes]
    digest: str
    began: float
    failures: int = 0
    ended: datetime | None = None

    def look(self) -> None:
        """Notes that it has ended."""
        if self.ended is None and self.process.poll() is not None:
            self.ended = datetime.now(UTC)
            steady = time.monotonic() - self.began > STEADY_SECONDS
            self.failures = 1 if steady else self.failures + 1

    def end(self) -> None:
        """Asks it to end, and makes it if it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def may_start_again(self, digest: str, told: SourceState | None) -> bool:
        """Whether the time has come for the next process."""
        if self.ended is None:
            return False
        requested = told.start_requested_at if told else None
        if digest != self.digest or (requested is not None and requested > self.ended):
            return True
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (self.failures - 1))
        return self.process.returncode != STOPPED and (datetime.now(UTC) - self.ended).total_seconds() > wait


class Keeper:
    """Starts and ends processes by what is defined and what operators say."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self.children: dict[str, Child] = {}
        self._catalogue = Catalogue(chosen)
        self._care = Care(chosen)
        self._standing = Standing()

    def look(self) -> None:
        """One look at definitions, operators' words and processes.

        Raises:
            Permanent: a definition is not valid; all other sources, and this one as it was, have been looked after.
            Retryable: PostgreSQL does not answer, or ClickHouse.
        """
        for child in self.children.values():
            child.look()
        known = self._catalogue.look()
        defined = {each.name: each for each in known if each.has_runner}
        told = state.read(self._chosen)
        # What a file that was never valid means is not known: nothing is taken for defined no more meanwhile.
        whole = not self._catalogue.unknown
        self._care.look(known, told, whole=whole)
        self._end(name for name in self.children if name not in defined or not _enabled(told, name))
        for name, source in defined.items():
            if _enabled(told, name):
                self._keep(source, told.get(name))
            elif told[name].state is not State.STOPPED:
                self._rest(source)
        self._standing.write(known, told, self._catalogue.unknown)
        for each in self._catalogue.wrong:
            raise each.error

    def close(self) -> None:
        """Ends every process."""
        self._care.close()
        self._end(list(self.children))

    def _end(self, names: Iterable[str]) -> None:
        for name in list(names):
            log.info("a source is stopped", source=name)
            self.children.pop(name).end()

    def _rest(self, source: Source) -> None:
        """Says that a source rests, now that its process has ended; of tables, what tends their connector says it."""
        if not isinstance(source, PostgresSource):
            state.write(self._chosen, SourceState(source.name, source.kind, State.STOPPED, state.BY_OPERATOR))

    def _keep(self, source: Source, told: SourceState | None) -> None:
        digest, child = _digest(source), self.children.get(source.name)
        if child is None:
            self._start(source, digest, failures=0)
        elif child.ended is None and child.digest != digest:
            log.info("a definition has changed", source=source.name)
            child.end()
            self._start(source, digest, failures=0)
        elif child.may_start_again(digest, told):
            self._start(source, digest, child.failures)

    def _start(self, source: Source, digest: str, failures: int) -> None:
        log.info("a source is started", source=source.name)
        command = [sys.executable, "-m", "streaming.sources.runner", source.name]
        self.children[source.name] = Child(subprocess.Popen(command), digest, time.monotonic(), failures)


def _enabled(told: Mapping[str, SourceState], name: str) -> bool:
    return name not in told or told[name].enabled


def _digest(source: Source) -> str:
    return hashlib.sha256(source.model_dump_json().encode()).hexdigest()


def main() -> None:
    """Looks for ever; ends its processes when it is asked to end."""
    configure("sources")
    chosen = settings()
    keeper = Keeper(chosen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            try:
                keeper.look()
            except (Permanent, Retryable) as error:
                log.error("the sources could not be looked after", error=str(error))
            sign_of_life(chosen, "sources").touch()
            time.sleep(LOOK_SECONDS)
    finally:
        keeper.close()


if __name__ == "__main__":
    main()
