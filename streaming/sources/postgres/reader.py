"""Reads a source in PostgreSQL whose records pass the mapping: from the topics that Debezium writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.sources.postgres.connector import UNAVAILABLE
from streaming.sources.postgres.definition import DELETED_COLUMN, PostgresSource
from streaming.sources.postgres.joined import JoinedReader
from streaming.sources.postgres.log import Record
from streaming.sources.postgres.raw import Raw, value
from streaming.sources.postgres.shape import needed
from streaming.sources.records import Batch, Memory, Reader, Row


def reader(source: PostgresSource, chosen: Settings) -> Reader:
    """What reads a source that is mapped: one table as its changes tell it, several by asking for the rows.

    Raises:
        Permanent: the source needs no mapping, so Debezium alone reads it; or an expression is not valid.
    """
    if not source.is_mapped:
        raise Permanent(f"Debezium alone reads {source.name}", valid="a source with casts, SQL or joins")
    return JoinedReader(source, chosen) if source.joins else TableReader(source, chosen)


class TableReader:
    """One table: each change tells the whole row."""

    def __init__(self, source: PostgresSource, chosen: Settings) -> None:
        self._source, self._raw = source, Raw(source, chosen)
        self._needed = needed(source)

    def read(self, memory: Memory) -> Iterator[Batch]:
        """The changes since.

        Raises:
            Retryable: the log does not answer.
            Permanent: the table has no longer a column that the definition names. Nothing of it is passed over.
        """
        for records, positions in self._raw.read(memory):
            yield Batch([self._row(record) for record in records], positions)

    def wait(self, seconds: float) -> None:
        """Until something has changed, or so long."""
        self._raw.wait(seconds)

    def close(self) -> None:
        """Lets go of the log."""
        self._raw.close()

    def _row(self, record: Record) -> Row:
        told = value(record)
        gone = told.get(DELETED_COLUMN) == "true"
        self._check(told)
        at = f"{self._source.table} {record.key.decode(errors='replace')}"
        lacking = [name for name in self._needed if told.get(name) == UNAVAILABLE]
        if lacking and not gone:
            reason = f"{', '.join(lacking)}: neither the change nor the table tells the value"
            return Row(at, None, record.value, reason)
        return Row(at, told, record.value)

    def _check(self, told: dict[str, Any]) -> None:
        missing = sorted(name for name in self._needed if name.partition(".")[0] not in told)
        if missing:
            raise Permanent(
                f"{self._source.table} has no column {', '.join(missing)}",
                valid=", ".join(name for name in told if not name.startswith("__")),
                todo="change the definition: the source goes on where it stopped",
            )
