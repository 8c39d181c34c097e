"""How every source fares, brought from the platform's database to where answers are made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from runtime.errors import Retryable
from streaming.clickhouse import connect
from streaming.sources.catalogue import Unusable
from streaming.sources.definition import Source
from streaming.sources.state import SourceState, State

TABLE = "source_states"
COLUMNS = ("name", "kind", "topic", "state", "last_error", "last_read_at", "defined", "measured_at")
UNKNOWN = "unknown"
TOLD = "SELECT name, kind, state FROM source_states FINAL WHERE defined"

LONGEST_ERROR = 500
"""Characters of what is wrong with a definition: `tidelake sources check` tells all of it."""


class Standing:
    """Copies the states of the sources to ClickHouse.

    Args:
        every_seconds: the shortest time between two copies, and between two attempts.
    """

    def __init__(self, every_seconds: float = 5.0) -> None:
        self._every, self._due = every_seconds, 0.0
        self._client: Any = None

    def write(
        self, defined: Sequence[Source], told: Mapping[str, SourceState], unusable: Sequence[Unusable] = ()
    ) -> None:
        """One row for each source that is defined, and one that says so for each that is not any more.

        Args:
            unusable: files that may define any source: they are told, too, and nothing is taken for gone meanwhile.

        Raises:
            Retryable: ClickHouse does not answer.
        """
        from clickhouse_connect.driver.exceptions import ClickHouseError

        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        try:
            self._client = self._client or connect()
            before = () if unusable else self._client.query(TOLD).result_rows
            written = list(rows(defined, told, unusable, before, datetime.now(UTC)))
            self._client.insert(TABLE, written, column_names=COLUMNS)
        except ClickHouseError as error:
            raise Retryable("the states of the sources are not in ClickHouse", received=str(error)) from error


def rows(
    defined: Iterable[Source],
    told: Mapping[str, SourceState],
    unusable: Iterable[Unusable],
    before: Iterable[Sequence[str]],
    now: datetime,
) -> Iterator[tuple[object, ...]]:
    """The rows of the table, in the order of `COLUMNS`, one for each name.

    Args:
        before: name, kind and state of each source that the table has for defined.
    """
    names = set()
    for source in defined:
        names.add(source.name)
        known = told.get(source.name)
        what = (known.state.value, known.last_error or "", known.last_read_at) if known else (UNKNOWN, "", None)
        yield (source.name, source.kind, source.into, *what, 1, now)
    for file in unusable:
        # A file can have the name of a source that is defined elsewhere, and goes on.
        if file.name not in names:
            names.add(file.name)
            known = told.get(file.name)
            kind, read = (known.kind, known.last_read_at) if known else (UNKNOWN, None)
            yield (file.name, kind, "", State.STOPPED.value, str(file.error)[:LONGEST_ERROR], read, 1, now)
    for name, kind, state in before:
        if name not in names:
            yield (name, kind, "", state, "", told[name].last_read_at if name in told else None, 0, now)
