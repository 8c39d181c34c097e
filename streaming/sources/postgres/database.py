"""What a source's database tells about itself: its server, tables, publication and replication slot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from psycopg2.extras import RealDictCursor

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.postgres.connector import dsn
from streaming.sources.postgres.definition import PostgresSource

ANSWER_SECONDS = 5
DEFAULT, FULL, INDEX = "d", "f", "i"
"""Replica identities, as pg_class tells them: by the primary key, by every column, by an index."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot. Bytes of the write-ahead log: not yet read, kept, and free before the slot is given up."""

    active: bool
    wal_status: str
    database: str
    plugin: str
    lag_bytes: int
    kept_bytes: int
    safe_wal_size: int | None

    @property
    def is_lost(self) -> bool:
        """Whether the server has thrown away what it still had to read."""
        return self.wal_status == "lost"


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is now.

    Attributes:
        columns: types by name.
        files: the file of its rows, by the name of the table or, where it has partitions, of each of these; another one
            after TRUNCATE, and after whatever writes all rows anew.
        keys: the columns of each unique index.
        indexes: those that can tell rows apart for replication, by name: none of their columns may be null.
        told: the columns that a deletion tells.
    """

    name: str
    columns: dict[str, str]
    files: dict[str, int]
    bytes: int
    readable: bool
    primary: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    indexes: dict[str, tuple[str, ...]]
    told: frozenset[str]


@contextmanager
def connected(source: PostgresSource, chosen: Settings) -> Iterator[Connection]:
    """A connection in autocommit, in UTC.

    Raises:
        Retryable: the database does not answer, or ends the connection.
    """
    try:
        with closing(connect(source, chosen)) as opened:
            opened.autocommit = True
            yield opened
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise Retryable(f"the database of {source.name} does not answer", received=str(error).strip()) from error


def connect(source: PostgresSource, chosen: Settings) -> Connection:
    """A new connection, which gives up waiting for a lock soon: reading a source must not harm it."""
    options = "-c TimeZone=UTC -c DateStyle=ISO -c lock_timeout=5s"
    return psycopg2.connect(
        dsn(source, chosen), connect_timeout=ANSWER_SECONDS, options=options, application_name=f"tidelake {source.name}"
    )


def server(opened: Connection) -> dict[str, Any]:
    """The server's settings and the role's rights."""
    return _rows(opened, "server")[0]


def slot(opened: Connection, name: str) -> Slot | None:
    """The replication slot of that name."""
    found = _rows(opened, "slot", slot=name)
    return Slot(**found[0]) if found else None


def publication(opened: Connection, name: str) -> dict[str, Any] | None:
    """What the publication of that name holds."""
    found = _rows(opened, "publication", publication=name)
    return found[0] if found else None


def tables(opened: Connection, names: tuple[str, ...]) -> dict[str, Table]:
    """Those of the tables that exist, by name."""
    return {row["name"]: _table(row) for row in _rows(opened, "tables", tables=list(names))}


def files(among: Mapping[str, Table]) -> dict[str, int]:
    """The files of the tables' rows, each by the name of its table or partition."""
    return {name: file for table in among.values() for name, file in table.files.items()}


def oldest_transaction(opened: Connection) -> int:
    """The oldest transaction of the whole server that is under way and may have written something, or the next."""
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def drop_slot(opened: Connection, name: str) -> None:
    """Gives up a slot that nobody reads; nothing is done where there is none."""
    with opened.cursor() as cursor:
        cursor.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [name]
        )


def identifier(table: str) -> sql.Identifier:
    """A table's name for a statement."""
    return sql.Identifier(*table.split("."))


def _rows(opened: Connection, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    text = (resources.files("streaming.sources.postgres") / "sql" / f"{statement}.sql").read_text()
    with opened.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(text, parameters)
        return [dict(row) for row in cursor.fetchall()]


def _table(row: dict[str, Any]) -> Table:
    indexes = row["indexes"]
    primary = next((tuple(index["columns"]) for index in indexes if index["primary"]), ())
    by_index: list[str] = next((index["columns"] for index in indexes if index["identity"]), [])
    told = {DEFAULT: primary, FULL: tuple(row["columns"]), INDEX: by_index}.get(row["identity"], ())
    return Table(
        name=row["name"],
        columns=row["columns"],
        files=row["files"],
        bytes=row["bytes"],
        readable=row["readable"],
        primary=primary,
        keys=tuple(tuple(index["columns"]) for index in indexes),
        indexes={index["name"]: tuple(index["columns"]) for index in indexes if index["fit"]},
        told=frozenset(told),
    )
