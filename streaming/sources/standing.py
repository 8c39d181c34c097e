"""How every source fares, brought from the platform's database to where answers are made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runtime.settings import Settings
from streaming.sources import state
from streaming.sources.catalogue import sources

TABLE = "source_states"
COLUMNS = ("name", "kind", "topic", "state", "last_error", "last_read_at", "defined", "measured_at")
UNKNOWN = "unknown"


class Standing:
    """Copies the states of the sources to ClickHouse.

    Args:
        chosen: the settings.
        every_seconds: the shortest time between two copies.
    """

    def __init__(self, chosen: Settings, every_seconds: float = 5.0) -> None:
        self._chosen, self._every = chosen, every_seconds
        self._last: datetime | None = None

    def write(self, client: Any, now: datetime | None = None) -> None:
        """One row for each source that is defined, and one that says so for each that no longer is.

        Raises:
            Retryable: PostgreSQL does not answer.
            Permanent: a definition is not valid.
            ClickHouseError: ClickHouse does not answer.
        """
        now = now or datetime.now(UTC)
        if self._last and (now - self._last).total_seconds() < self._every:
            return
        rows = self._rows(now)
        if rows:
            client.insert(TABLE, rows, column_names=COLUMNS)
        self._last = now

    def _rows(self, now: datetime) -> list[tuple[object, ...]]:
        told = state.read(self._chosen)
        defined = {each.name: each for each in sources(self._chosen)}
        rows: list[tuple[object, ...]] = []
        for name, source in defined.items():
            known = told.get(name)
            what = (known.state.value, known.last_error or "", known.last_read_at) if known else (UNKNOWN, "", None)
            rows.append((name, source.kind, source.into, *what, 1, now))
        gone = (known for name, known in told.items() if name not in defined)
        rows += [(each.name, each.kind, "", each.state.value, "", each.last_read_at, 0, now) for each in gone]
        return rows
