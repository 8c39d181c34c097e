"""Tries a definition of a source in PostgreSQL against its database, and says what would happen; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from psycopg2.extras import RealDictCursor

from runtime.errors import Permanent, Retryable, TidelakeError
from runtime.settings import Settings
from streaming.sources.mapping import Mapper
from streaming.sources.postgres import database, shape
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.database import Table
from streaming.sources.postgres.definition import DELETED_COLUMN, PostgresSource
from streaming.sources.postgres.query import Query, as_text
from streaming.sources.records import Finding, Row

SAMPLES = 5
BIG_ROWS = 5_000_000
"""From so many rows on, a snapshot that would begin anew after a crash is worth a word."""

AS_TOLD: dict[str, frozenset[str]] = {
    "occurred_at": frozenset({"timestamp with time zone", "timestamp without time zone"}),
    "amount": frozenset({"numeric", "money"}),
}
"""The types whose values are what the contract wants as Debezium writes them; other fields: text, or a whole number."""

TEXTS = frozenset({"text", "character varying", "character", "uuid", "citext"})
WHOLE = frozenset({"smallint", "integer", "bigint"})


def check(source: PostgresSource, chosen: Settings) -> Iterator[Finding]:
    """What was looked at, in the order in which it would fail; samples of sales last."""
    try:
        with database.connected(source, chosen) as opened:
            yield Finding(True, "the database answers")
            yield from _server(source, opened)
            tables = database.tables(opened, source.tables)
            for name, table in tables.items():
                yield Finding(True, f"{name} has {len(table.columns)} columns and {table.bytes:,} bytes")
            troubles = list(shape.drift(source, opened, tables))
            yield from (_todo(each) for each in troubles)
            if not troubles:
                yield Finding(True, f"the publication {source.publication_name} tells every change of every table")
                yield from _slot(source, opened)
                yield from _keys(source, tables)
                yield from _types(source, tables)
                yield from _samples(source, opened, tables)
    except Retryable as error:
        todo = "see that the address, the password, sslrootcert, sslcert, sslkey and pg_hba.conf let this machine in"
        yield Finding(False, str(error), todo)
    yield from _connect(source, chosen)


def _todo(trouble: str) -> Finding:
    what, _, todo = trouble.partition(": ")
    return Finding(False, what, todo)


def _server(source: PostgresSource, opened: Connection) -> Iterator[Finding]:
    told = database.server(opened)
    yield Finding(
        told["version"] >= 140000, f"the server is PostgreSQL {told['version'] // 10000}", "use PostgreSQL 14 or later"
    )
    level = told["wal_level"]
    yield Finding(level == "logical", f"wal_level is {level}", "set wal_level = logical and restart the server")
    yield Finding(
        bool(told["may_replicate"]),
        f"the role {told['role']} may {'' if told['may_replicate'] else 'not '}replicate",
        f"ALTER ROLE {told['role']} REPLICATION",
    )
    standby = told["in_recovery"]
    yield Finding(
        not standby,
        f"the server is a {'standby' if standby else 'primary'}",
        "name the primary in the dsn: a standby gives up what its primary has not kept for it",
    )
    yield from _room(source, opened, told)
    kept = told["keep_size"]
    yield Finding(
        kept != "-1",
        f"max_slot_wal_keep_size is {'without a limit' if kept == '-1' else kept}",
        "set a limit, or a reader that is away for long fills the server's disk",
    )


def _room(source: PostgresSource, opened: Connection, told: Mapping[str, Any]) -> Iterator[Finding]:
    """A source takes a replication slot for good, and a WAL sender while it is read: its own count as free."""
    own = database.slot(opened, source.slot_name)
    slots, senders = told["slots"] - told["slots_used"], told["senders"] - told["senders_used"]
    yield Finding(
        own is not None or slots > 0,
        f"{slots} of {told['slots']} replication slots are free",
        "drop a slot that nobody needs, or raise max_replication_slots and restart the server",
    )
    yield Finding(
        (own is not None and own.active) or senders > 0,
        f"{senders} of {told['senders']} WAL senders are free",
        "end a reader that nobody needs, or raise max_wal_senders and restart the server",
    )


def _slot(source: PostgresSource, opened: Connection) -> Iterator[Finding]:
    slot = database.slot(opened, source.slot_name)
    if slot is None:
        yield Finding(
            True, f"the replication slot {source.slot_name} would be made, and all rows read ({source.snapshot})"
        )
    elif slot.is_lost:
        todo = f"run `tidelake sources resnapshot {source.name}`"
        yield Finding(False, f"the replication slot {source.slot_name} is lost", todo)
    else:
        yield Finding(True, f"the replication slot {source.slot_name} is there, {slot.lag_bytes:,} bytes behind")


def _keys(source: PostgresSource, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Two rows with one key would be one sale, and a join with two matches would tell one of them."""
    for name in source.tables:
        key = shape.key_of(source, tables[name])
        unique = any(set(columns) <= set(key) for columns in tables[name].keys)
        yield Finding(
            unique,
            f"{', '.join(key)} {'is' if unique else 'is not'} unique in {name}",
            f"make a unique index over them in {name}, or name other columns",
        )


def _types(source: PostgresSource, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Where Debezium's record is the sale, a type has to be one whose text the contract knows."""
    if source.is_mapped:
        return
    columns = tables[source.table].columns
    for column, field in source.columns.items():
        kind = columns[column].partition("(")[0].strip() + columns[column].partition(")")[2]
        valid = AS_TOLD.get(field, TEXTS | WHOLE if field in ("sale_id", "salesman_id") else TEXTS)
        cast = {"occurred_at": "timestamptz", "amount": "decimal(18,2)"}.get(field, "varchar")
        yield Finding(
            kind in valid, f"{field}: {column} is {columns[column]}", f"{field}: {{field: {column}, cast: {cast}}}"
        )


def _samples(source: PostgresSource, opened: Connection, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """Up to five rows as the sales that they would be."""
    try:
        rows = [Row("sample", told, repr(told).encode()) for told in _rows(source, opened, tables)]
        outcome = Mapper(source).map(rows)
    except (TidelakeError, psycopg2.Error) as error:
        todo = error.todo or "" if isinstance(error, TidelakeError) else "see the definition"
        yield Finding(False, f"rows could not be mapped: {str(error).strip()}", todo)
        return
    for accepted in outcome.accepted:
        yield Finding(True, f"a sale: {accepted.payload.decode()}")
    for refused in outcome.refused:
        yield Finding(False, f"a row would be quarantined: {refused.reason}", "change the mapping of the definition")


def _rows(source: PostgresSource, opened: Connection, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    """Some rows with the fields that the mapping sees, as text."""
    own = tables[source.table]
    wanted = shape.needed(source)
    key = shape.key_of(source, own)
    columns = [name for name in own.columns if name in wanted or name in key]
    listed = sql.SQL(", ").join(
        sql.SQL("{} AS {}").format(
            as_text(sql.Composed([sql.Identifier(name)]), own.columns[name]), sql.Identifier(name)
        )
        for name in columns
    )
    statement = sql.SQL("SELECT {} FROM {} LIMIT {}").format(
        listed, database.identifier(source.table), sql.Literal(SAMPLES)
    )
    with opened.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement)
        found = [dict(row) for row in cursor.fetchall()]
    if not source.joins:
        return [{**row, DELETED_COLUMN: "false"} for row in found]
    query = Query(source, tables, wanted)
    keys = [tuple(str(row[name]) for name in query.key) for row in found]
    told = query.rows(opened, source.table, keys)
    return [{**fields, DELETED_COLUMN: "false" if there else "true"} for fields, there in told]


def _connect(source: PostgresSource, chosen: Settings) -> Iterator[Finding]:
    try:
        parts = Connect(chosen).status(source.name)
    except (Retryable, Permanent) as error:
        yield Finding(False, str(error), "see `tidelake status`")
        return
    states = ", ".join(part["state"] for part in parts) or "has no connector of it yet"
    yield Finding(not any(part["state"] == "FAILED" for part in parts), f"Kafka Connect answers: {states}")
