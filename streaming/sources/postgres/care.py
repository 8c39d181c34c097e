"""The part of the sources' keeper that has every source in PostgreSQL read by Kafka Connect."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import structlog

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from streaming.sources import state
from streaming.sources.definition import Source
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.tend import Health, forget, rest, tend
from streaming.sources.state import SourceState, State

EVERY_SECONDS = 3.0
"""Between two rounds of one source."""

AT_ONCE = 4
"""Sources that are tended side by side: one whose database is away keeps no other waiting."""

log = structlog.get_logger()


class Care:
    """Tends each source again and again, beside each other."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="postgres")
        self._rounds: dict[str, Future[None]] = {}
        self._ended: dict[str, float] = {}
        self._names: set[str] | None = None

    def look(self, defined: Iterable[Source], told: Mapping[str, SourceState], *, whole: bool = True) -> None:
        """Begins the rounds that are due, and returns at once.

        Args:
            whole: whether these are all sources that are defined: what reads any other is ended then.
        """
        sources = {each.name: each for each in defined if isinstance(each, PostgresSource)}
        for name, source in sources.items():
            due = time.monotonic() - self._ended.get(name, 0.0) > EVERY_SECONDS
            if due and (name not in self._rounds or self._rounds[name].done()):
                enabled = name not in told or told[name].enabled
                self._rounds[name] = self._pool.submit(self._round, source, enabled)
        if whole:
            if self._names is None or self._names - sources.keys():
                self._pool.submit(self._forget, set(sources))
            self._names = set(sources)

    def close(self) -> None:
        """Begins no further round; one that is under way can be cut off anywhere."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _round(self, source: PostgresSource, enabled: bool) -> None:
        try:
            self._note(source, tend(source, self._chosen) if enabled else rest(source, self._chosen))
        except Retryable as error:
            self._note(source, Health("retrying", str(error)))
        except Permanent as error:
            self._note(source, Health("stopped", str(error)))
        except Exception:  # a thread's error would be seen by nobody
            log.exception("a source could not be tended", source=source.name)
        finally:
            self._ended[source.name] = time.monotonic()

    def _forget(self, names: set[str]) -> None:
        try:
            forget(self._chosen, names)
        except Retryable as error:
            self._names = None
            log.warning("sources that are defined no more could not be ended", error=str(error))

    def _note(self, source: PostgresSource, health: Health) -> None:
        """Where a process maps the records, it tells the state, and what is told here is read together with that."""
        detail = {**health.detail, state.CONNECTOR: health.state, state.ALARM: health.alarm}
        told = SourceState(source.name, source.kind, State(health.state), health.alarm or None, detail=detail)
        try:
            if source.has_runner:
                state.add(self._chosen, replace(told, state=State.WAITING))
            else:
                state.write(self._chosen, told)
        except Retryable as error:
            log.warning("the state of a source was not written", source=source.name, error=str(error))
