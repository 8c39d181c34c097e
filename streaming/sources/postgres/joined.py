"""Reads a source whose sales are spread over several tables.

A change of any of the tables says which rows may have changed; the rows are then asked of the database, in one
snapshot that holds that change. So a sale is always told as some committed state of all its tables, never as half of
a transaction; and as the last change of any of them is followed by one more question, the last state told is the last
one there is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from streaming.sources.postgres import database, shape
from streaming.sources.postgres.definition import DELETED_COLUMN, PostgresSource
from streaming.sources.postgres.log import Record
from streaming.sources.postgres.query import Query
from streaming.sources.postgres.raw import Raw, key, value
from streaming.sources.records import Batch, Memory, Row

ROWS = 1000
"""Most rows of one batch."""

VISIBLE_SECONDS = 30.0
"""A transaction is in the write-ahead log a moment before others see it; where it waits for a standby, longer."""

XIDS = 1 << 32


class JoinedReader:
    """Several tables: each change names rows, which are asked for."""

    def __init__(self, source: PostgresSource, chosen: Settings) -> None:
        self._source, self._chosen = source, chosen
        self._raw = Raw(source, chosen)
        self._opened: Connection | None = None
        self._query: Query | None = None

    def read(self, memory: Memory) -> Iterator[Batch]:
        """The rows that may have changed since.

        Raises:
            Retryable: the log or the database does not answer.
            Permanent: a table or column that the definition names is not there. Nothing is passed over.
        """
        for records, positions in self._raw.read(memory):
            try:
                yield from self._batches(records, positions)
            except (psycopg2.errors.UndefinedColumn, psycopg2.errors.UndefinedTable) as error:
                todo = "change the definition: the source goes on where it stopped"
                raise Permanent("the query of the rows fails", received=str(error).strip(), todo=todo) from error
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                raise Retryable("the database does not answer", received=str(error).strip()) from error

    def wait(self, seconds: float) -> None:
        """Until something has changed, or so long."""
        self._raw.wait(seconds)

    def close(self) -> None:
        """Lets go of the log and the database."""
        self._raw.close()
        if self._opened is not None:
            self._opened.close()

    def _batches(self, records: Sequence[Record], positions: dict[str, int]) -> Iterator[Batch]:
        """The rows of all changes, in one snapshot; the positions go with the last of them."""
        opened, query = self._prepared()
        see(opened, transactions(records))
        try:
            waiting: list[Row] = []
            for row in self._rows(opened, query, records):
                if len(waiting) == ROWS:
                    yield Batch(waiting)
                    waiting = []
                waiting.append(row)
            yield Batch(waiting, positions)
        finally:
            opened.rollback()

    def _rows(self, opened: Connection, query: Query, records: Sequence[Record]) -> Iterator[Row]:
        by_topic = dict(zip(self._source.written, self._source.tables, strict=True))
        for topic, table in by_topic.items():
            keys = sorted({query.key_of(table, key(record)) for record in records if record.topic == topic})
            for fields, found in query.rows(opened, table, keys):
                told = {**fields, DELETED_COLUMN: "false" if found else "true"}
                at = ", ".join(f"{name} {fields[name]}" for name in query.key)
                yield Row(f"{self._source.table} {at}", told, json.dumps(told, ensure_ascii=False).encode())

    def _prepared(self) -> tuple[Connection, Query]:
        """The connection, and the query made for the columns that the tables have now."""
        if self._opened is None or self._query is None:
            with database.connected(self._source, self._chosen) as opened:
                tables = database.tables(opened, self._source.tables)
            lost = [table for table in self._source.tables if table not in tables]
            if lost:
                raise Permanent(f"there is no table {', '.join(lost)}", todo="change the definition, or grant USAGE")
            self._query = Query(self._source, tables, shape.needed(self._source))
            self._opened = database.connect(self._source, self._chosen)
            self._opened.set_session(ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        return self._opened, self._query


def transactions(records: Sequence[Record]) -> set[int]:
    """The ids, in 32 bits, of the transactions that changes were made in; a snapshot's rows have none."""
    told = (value(record) for record in records)
    return {int(each["__source_txId"]) % XIDS for each in told if each.get("__source_txId") and each.get("__op") != "r"}


def see(opened: Connection, wanted: set[int]) -> None:
    """Begins a transaction whose snapshot holds all those transactions.

    Raises:
        Retryable: one of them could not be seen in time.
    """
    give_up = time.monotonic() + VISIBLE_SECONDS
    pause = 0.001
    while True:
        with opened.cursor() as cursor:
            cursor.execute("SELECT pg_current_snapshot()::text")
            row = cursor.fetchone()
        if not any(hidden(str(row[0]) if row else "0:0:", each) for each in wanted):
            return
        opened.rollback()
        if time.monotonic() > give_up:
            raise Retryable(
                "a transaction that was committed cannot be seen yet", todo="look for a standby that is away"
            )
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def hidden(snapshot: str, transaction: int) -> bool:
    """Whether a snapshot, as PostgreSQL writes it, does not hold a transaction, given in 32 bits.

    >>> [hidden("100:104:101,102", each) for each in (99, 100, 101, 103, 104, 2_000)]
    [False, False, True, False, True, True]
    >>> hidden("4294967300:4294967310:", 4294967290), hidden("4294967300:4294967310:", 20)
    (False, True)
    """
    _, maximum, running = snapshot.split(":")
    ahead = (transaction - int(maximum)) % XIDS < XIDS // 2
    return ahead or any(int(each) % XIDS == transaction for each in running.split(",") if each)
