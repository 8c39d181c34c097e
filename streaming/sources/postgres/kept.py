"""What the platform remembers of each source in PostgreSQL: its tables as they were read, and a snapshot under way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.errors import Retryable
from runtime.settings import Settings

READ = "SELECT tables, snapshot FROM postgres_sources WHERE source = %(source)s"
WRITE = """
INSERT INTO postgres_sources (source, tables, snapshot) VALUES (%(source)s, %(tables)s, %(snapshot)s)
ON CONFLICT (source) DO UPDATE SET tables = excluded.tables, snapshot = excluded.snapshot
"""
LOCK = "SELECT pg_try_advisory_lock(hashtext('postgres-source'), hashtext(%(source)s))"
UNLOCK = "SELECT pg_advisory_unlock_all()"


@dataclass
class Record:
    """What is remembered of one source.

    Attributes:
        tables: the file of the rows of each table or partition, by its name, when they were read; of a partition that
            was made later, when it was first seen.
        snapshot: how far a reading of all rows is, empty before the first.
    """

    tables: dict[str, int] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=dict)


class Kept:
    """One source's record, which nobody else changes meanwhile."""

    def __init__(self, opened: Connection, source: str) -> None:
        self._opened, self._source = opened, source
        self.record = self._read()

    def write(self) -> None:
        """Remembers what the record says."""
        told = {"tables": json.dumps(self.record.tables), "snapshot": json.dumps(self.record.snapshot)}
        with self._opened.cursor() as cursor:
            cursor.execute(WRITE, {"source": self._source, **told})

    def _read(self) -> Record:
        with self._opened.cursor() as cursor:
            cursor.execute(READ, {"source": self._source})
            found = cursor.fetchone()
        return Record(*found) if found else Record()


@contextmanager
def kept(chosen: Settings, source: str) -> Iterator[Kept]:
    """The record of a source, held by this process alone while the block lasts.

    Raises:
        Retryable: the platform's database does not answer, or another process holds the record.
    """
    try:
        opened = psycopg2.connect(chosen.platform_dsn.get_secret_value(), connect_timeout=3)
    except psycopg2.OperationalError as error:
        raise Retryable("the platform's database does not answer", received=str(error).strip()) from error
    try:
        opened.autocommit = True
        with opened.cursor() as cursor:
            cursor.execute(LOCK, {"source": source})
            row = cursor.fetchone()
        if not row or not row[0]:
            raise Retryable(f"another process tends {source} at the moment")
        try:
            yield Kept(opened, source)
        finally:
            _let_go(opened)
    finally:
        opened.close()


def _let_go(opened: Connection) -> None:
    """The lock ends with the connection too, but only when the server has seen that it is closed: who asks in the next
    instant would be refused. A connection that is broken holds no lock.
    """
    with suppress(psycopg2.Error), opened.cursor() as cursor:
        cursor.execute(UNLOCK)
