"""The process that reads one source into the log, reading after reading: `python -m streaming.sources.runner NAME`.

What is refused is in the quarantine before the transaction that moves the source's position: so it cannot be lost,
and its identity keeps it from being there twice.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module

import structlog
from tenacity import RetryCallState, Retrying, wait_exponential_jitter

from observe.logs import configure
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings, settings
from streaming import quarantine
from streaming.sources import state
from streaming.sources.catalogue import source as defined
from streaming.sources.crash import passing
from streaming.sources.definition import Source
from streaming.sources.mapping import Mapper
from streaming.sources.publisher import Publisher
from streaming.sources.records import Batch, Reader
from streaming.sources.state import SourceState, State

COUNTS = "counts"
"""Under this name a source's memory holds how many records were read, accepted and quarantined."""

STOPPED = 3
"""The exit code of a source that a person has to mend."""

UNDEFINED = 4
"""The exit code where the definition is not valid or gone: its keeper tries again, as nobody says when it is mended."""

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
LONGEST_ASKED = 3600.0
"""A source that asks for a longer wait is asked again after this many seconds all the same."""

QUIET_SECONDS = 5.0
"""How often a source that has nothing new says that it is well."""

log = structlog.get_logger()


class Runner:
    """Reads one source; reader and publisher stay open from one reading to the next, and are made anew after a failure.

    Args:
        chosen: the settings.
        source: its definition.
        reader: makes a reader of it.
        note: is told how it fares.
    """

    def __init__(
        self,
        chosen: Settings,
        source: Source,
        reader: Callable[[], Reader],
        note: Callable[[SourceState], None],
    ) -> None:
        self._chosen, self._source, self._reader, self._note = chosen, source, reader, note
        self._mapper = Mapper(source)
        self._opened: tuple[Reader, Publisher] | None = None
        self._quiet_until = 0.0

    def read(self) -> None:
        """One reading, to the source's present end.

        Raises:
            Retryable: something was away; what was published stays published.
            Permanent: a person has to change something.
        """
        batches = 0
        try:
            reader, publisher = self._open()
            for batches, batch in enumerate(reader.read(publisher.memory), start=1):
                if batches == 1:
                    self._tell(State.RUNNING)
                passing("fetched")
                self._take(batch, publisher)
        except BaseException:
            self.close()
            raise
        # A source that is read several times a second has nothing new to tell each time.
        if batches or time.monotonic() > self._quiet_until:
            self._waiting(publisher)

    def _waiting(self, publisher: Publisher) -> None:
        now = datetime.now(UTC)
        counts = publisher.memory.get(COUNTS, {})
        self._tell(State.WAITING, last_read_at=now, next_read_at=self._source.next_reading(now), counts=counts)
        self._quiet_until = time.monotonic() + QUIET_SECONDS

    def _open(self) -> tuple[Reader, Publisher]:
        if self._opened is None:
            publisher = Publisher(self._chosen, self._source.name)
            publisher.ensure_topic(self._source.into)
            self._opened = self._reader(), publisher
        return self._opened

    def close(self) -> None:
        """Lets go of source and log."""
        if self._opened is not None:
            reader, publisher = self._opened
            self._opened = None
            with closing(publisher), closing(reader):
                log.debug("the source is let go", source=self._source.name)

    def wait(self) -> None:
        """Until the next reading: a reader that can be woken by its source waits itself."""
        pause = getattr(self._opened[0], "wait", time.sleep) if self._opened else time.sleep
        now = datetime.now(UTC)
        pause((self._source.next_reading(now) - now).total_seconds())

    def _take(self, batch: Batch, publisher: Publisher) -> None:
        outcome = self._mapper.map(batch.rows)
        if outcome.refused:
            quarantine.keep(self._source, outcome.refused)
        passing("quarantined")
        counts = Counter(publisher.memory.get(COUNTS, {}))
        counts.update(read=len(batch.rows), accepted=len(outcome.accepted), quarantined=len(outcome.refused))
        judged = batch.judged(len(outcome.refused)) if batch.judged else {}
        publisher.publish(self._source.into, outcome.accepted, {**batch.remember, **judged, COUNTS: dict(counts)})

    def retrying(self, attempt: RetryCallState) -> None:
        """Tells why, and when it is tried again."""
        error = attempt.outcome.exception() if attempt.outcome else None
        log.warning("a reading failed and is tried again", source=self._source.name, error=str(error))
        seconds = attempt.next_action.sleep if attempt.next_action else 0.0
        self._tell(
            State.RETRYING, last_error=str(error), next_read_at=datetime.now(UTC) + timedelta(seconds=float(seconds))
        )

    def _tell(self, now: State, **more: object) -> None:
        self._quiet_until = 0.0
        self._note(replace(SourceState(self._source.name, self._source.kind, now), **more))  # type: ignore[arg-type]


def noting(chosen: Settings) -> Callable[[SourceState], None]:
    """Writes states to the platform's database; a database that is away stops no source."""

    def note(told: SourceState) -> None:
        try:
            state.write(chosen, told)
        except Retryable as error:
            log.warning("the state of a source was not written", source=told.name, error=str(error))

    return note


def reader_of(source: Source, chosen: Settings) -> Callable[[], Reader]:
    """What makes a reader of this source, by its kind."""
    made = import_module(f"streaming.sources.{source.kind}.reader").reader
    return lambda: made(source, chosen)


def pause(attempt: RetryCallState) -> float:
    """Seconds until the next attempt: longer each time, and as long as the source asks for, within a limit."""
    error = attempt.outcome.exception() if attempt.outcome else None
    asked = error.after if isinstance(error, Retryable) else 0.0
    growing: float = wait_exponential_jitter(multiplier=FIRST_WAIT, max=LONGEST_WAIT)(attempt)
    return max(growing, min(asked, LONGEST_ASKED))


def run(chosen: Settings, source: Source) -> None:
    """Readings for ever; what is away is asked again, later each time.

    Raises:
        Permanent: a person has to change something.
    """
    runner = Runner(chosen, source, reader_of(source, chosen), noting(chosen))
    while True:
        patiently = Retrying(
            retry=lambda attempt: isinstance(attempt.outcome and attempt.outcome.exception(), Retryable),
            wait=pause,
            before_sleep=runner.retrying,
            reraise=True,
        )
        patiently(runner.read)
        runner.wait()


def main(arguments: Iterable[str]) -> int:
    """Runs the source that the one argument names."""
    (name,) = arguments
    configure(f"source-{name}")
    chosen = settings()
    try:
        source = defined(chosen, name)
    except Permanent as error:
        log.error("the source cannot be begun", source=name, error=str(error))
        return UNDEFINED
    try:
        run(chosen, source)
    except Permanent as error:
        log.error("the source is stopped", source=name, error=str(error))
        noting(chosen)(SourceState(name, source.kind, State.STOPPED, last_error=str(error)))
        return STOPPED
    except Exception as error:
        # Its keeper starts it again; until then nobody must believe that it runs.
        log.exception("the source ended by an error of the platform", source=name)
        told = f"{type(error).__name__}: {error}"
        noting(chosen)(SourceState(name, source.kind, State.RETRYING, last_error=told))
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
