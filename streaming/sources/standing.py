"""How every source fares, brought from the platform's database to where answers are made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.errors import Retryable
from streaming.clickhouse import connect
from streaming.sources.definition import Source
from streaming.sources.state import SourceState

TABLE = "source_states"
COLUMNS = ("name", "kind", "topic", "state", "last_error", "last_read_at", "defined", "measured_at")
UNKNOWN = "unknown"


class Standing:
    """Copies the states of the sources to ClickHouse.

    Args:
        every_seconds: the shortest time between two copies, and between two attempts.
    """

    def __init__(self, every_seconds: float = 5.0) -> None:
        self._every, self._due = every_seconds, 0.0
        self._client: Any = None

    def write(self, defined: Iterable[Source], told: Mapping[str, SourceState]) -> None:
        """One row for each source that is defined, and one that says so for each that is not any more.

        Raises:
            Retryable: ClickHouse does not answer.
        """
        from clickhouse_connect.driver.exceptions import ClickHouseError

        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        try:
            self._client = self._client or connect()
            self._client.insert(TABLE, list(rows(defined, told, datetime.now(UTC))), column_names=COLUMNS)
        except ClickHouseError as error:
            raise Retryable("the states of the sources are not in ClickHouse", received=str(error)) from error


def rows(defined: Iterable[Source], told: Mapping[str, SourceState], now: datetime) -> Iterator[tuple[object, ...]]:
    """The rows of the table, in the order of `COLUMNS`."""
    names = set()
    for source in defined:
        names.add(source.name)
        known = told.get(source.name)
        what = (known.state.value, known.last_error or "", known.last_read_at) if known else (UNKNOWN, "", None)
        yield (source.name, source.kind, source.into, *what, 1, now)
    for known in told.values():
        if known.name not in names:
            yield (known.name, known.kind, "", known.state.value, "", known.last_read_at, 0, now)
