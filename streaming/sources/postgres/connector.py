"""The settings of the Debezium connector that reads a source, made from its definition."""

from __future__ import annotations

import re

from psycopg2.extensions import parse_dsn

from rankings.contract import DELETED_FIELD
from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.sources.postgres.definition import PostgresSource

NOTIFICATIONS = "tidelake-notifications"
"""The topic by which Debezium tells how a reading in chunks ended."""

MARK = "tidelake.source"
"""The setting by which a connector of this platform is known among others of the same Connect."""

UNAVAILABLE = "\x01unavailable"
"""What stands for a value that neither the change nor the table tells any more. No text of a sale holds it."""

KEY_CASTS = ("sale_id", "salesman_id")
"""Fields that may be numbers in the table: their text is the same in every engine."""

EXACTLY_ONCE = {
    "exactly.once.support": "required",
    "transaction.boundary": "poll",
    "producer.override.transaction.timeout.ms": "10000",
}
"""What one poll gives, and the position behind it, are one transaction of the log; Connect refuses where it cannot.

One that a killed Connect has left open is waited for so long, by the Connect that is started again and by all readers.
"""

HEARTBEAT_MS = 1000
"""How often the slot confirms what was read while nothing is sold; each time takes one transaction id."""

TLS = {"sslmode": "sslmode", "sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey"}


def dsn(source: PostgresSource, chosen: Settings) -> str:
    """The connection string of a source's database (holds the password); without one it is the settings'.

    Raises:
        Permanent: the secret that the definition names is not there.
    """
    secret = source.dsn.value() if source.dsn else chosen.replication_dsn
    return secret.get_secret_value()


def connector_settings(source: PostgresSource, chosen: Settings, topic_settings: dict[str, str]) -> dict[str, str]:
    """What Connect is told (holds the password).

    Args:
        topic_settings: of the topics that are made for its records.

    Raises:
        Permanent: the database's address cannot be told.
    """
    return {
        "name": source.name,
        MARK: source.name,
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        **_database(dsn(source, chosen)),
        **_tables(source),
        **_slot(source),
        **_snapshot(source),
        **_records(source),
        **_pace(),
        **EXACTLY_ONCE,
        **{f"topic.creation.default.{name}": value for name, value in topic_settings.items()},
    }


def _database(address: str) -> dict[str, str]:
    try:
        told = parse_dsn(address)
    except Exception as error:  # psycopg2 raises ProgrammingError, whose text holds the whole string
        raise Permanent("the dsn is not valid", valid="postgresql://user:password@host:port/database") from error
    missing = [name for name in ("host", "user", "dbname") if not told.get(name)]
    if missing:
        raise Permanent(f"the dsn names no {missing[0]}", valid="postgresql://user:password@host:port/database")
    return {
        "database.hostname": told["host"],
        "database.port": told.get("port", "5432"),
        "database.user": told["user"],
        "database.password": told.get("password", ""),
        "database.dbname": told["dbname"],
        **{f"database.{name}": told[key] for key, name in TLS.items() if key in told},
    }


def _tables(source: PostgresSource) -> dict[str, str]:
    """Which rows and columns are read, and by what each record is known."""
    keys = {table: list(source.of_table(table)) for table in source.tables}
    told = {
        "table.include.list": ",".join(re.escape(table) for table in source.tables),
        "message.key.columns": ";".join(f"{re.escape(name)}:{','.join(key)}" for name, key in keys.items() if key),
        **_columns(source, keys),
    }
    return {name: value for name, value in told.items() if value}


def _columns(source: PostgresSource, keys: dict[str, list[str]]) -> dict[str, str]:
    """Sales need no other columns; where rows are joined by a query, a change tells its key alone."""
    if not source.is_mapped:
        return {"column.include.list": _listed(source.table, [*source.columns, *keys[source.table]])}
    if source.joins and all(keys.values()):
        return {"column.include.list": ",".join(_listed(table, key) for table, key in keys.items())}
    return {"column.exclude.list": _listed(source.table, source.exclude)}


def _listed(table: str, columns: list[str] | tuple[str, ...]) -> str:
    return ",".join(re.escape(f"{table}.{column}") for column in dict.fromkeys(columns))


def _slot(source: PostgresSource) -> dict[str, str]:
    return {
        "plugin.name": "pgoutput",
        "slot.name": source.slot_name,
        "slot.drop.on.stop": "false",
        "publication.name": source.publication_name,
        "publication.autocreate.mode": "disabled",
        # A slot that is further than what was read last is another slot: changes were lost, and it must not go on.
        "offset.mismatch.strategy": "trust_offset",
    }


def _snapshot(source: PostgresSource) -> dict[str, str]:
    """How rows that are there already are read; chunks need no table to write to."""
    own_table = {"snapshot.include.collection.list": re.escape(source.table)} if source.joins else {}
    if source.snapshot == "whole":
        return {"snapshot.mode": "initial", **own_table}
    return {
        "snapshot.mode": "no_data",
        "read.only": "true",
        "incremental.snapshot.chunk.size": str(source.chunk_rows),
        "notification.enabled.channels": "sink",
        "notification.sink.topic.name": NOTIFICATIONS,
    }


def _records(source: PostgresSource) -> dict[str, str]:
    """What a record looks like: the row's columns, flat; a delete is the old row, marked so."""
    told = {
        "topic.prefix": source.prefix,
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        "binary.handling.mode": "base64",
        "tombstones.on.delete": "false",
        "unavailable.value.placeholder": UNAVAILABLE,
        **_unchanged(),
        **_transform("flat", "io.debezium.transforms.ExtractNewRecordState", _flat()),
    }
    if source.is_mapped:
        return {**told, "transforms": "flat"}
    steps = _sale(source)
    for step, (kind, options) in steps.items():
        told |= _transform(step, kind, {**options, "predicate": "row"})
    return {**told, **_of_rows(source), "transforms": ",".join(("flat", *steps))}


def _of_rows(source: PostgresSource) -> dict[str, str]:
    """What tells a row's record from a heartbeat or a notification, which must stay as they are."""
    return {
        "predicates": "row",
        "predicates.row.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        "predicates.row.pattern": re.escape(f"{source.prefix}.{source.table}"),
    }


def _unchanged() -> dict[str, str]:
    """A large value that an update left as it was is not in the change: it is read from the table."""
    return {
        "post.processors": "reselect",
        "reselect.type": "io.debezium.processors.reselect.ReselectColumnsPostProcessor",
        "reselect.reselect.unavailable.values": "true",
        "reselect.reselect.null.values": "false",
        "reselect.reselect.use.event.key": "true",
    }


def _flat() -> dict[str, str]:
    return {"delete.tombstone.handling.mode": "rewrite", "add.fields": "op,source.lsn,source.ts_ms,source.txId"}


def _sale(source: PostgresSource) -> dict[str, tuple[str, dict[str, str]]]:
    """The steps that make a sale of a flat row."""
    renames = {
        "__deleted": DELETED_FIELD,
        **{column: name for column, name in source.columns.items() if column != name},
    }
    constants = {"source": source.name, **source.constants}
    casts = ",".join(f"{name}:string" for name in KEY_CASTS)
    kafka = "org.apache.kafka.connect.transforms"
    steps = {
        "contract": (f"{kafka}.ReplaceField$Value", {"renames": ",".join(f"{a}:{b}" for a, b in renames.items())}),
        "ids": (f"{kafka}.Cast$Value", {"spec": casts}),
        **{
            name: (f"{kafka}.InsertField$Value", {"static.field": name, "static.value": value})
            for name, value in constants.items()
        },
    }
    if source.into != f"{source.prefix}.{source.table}":
        names = {"regex": re.escape(f"{source.prefix}.{source.table}"), "replacement": source.into}
        steps["topic"] = (f"{kafka}.RegexRouter", names)
    return steps


def _transform(step: str, kind: str, options: dict[str, str]) -> dict[str, str]:
    return {f"transforms.{step}.type": kind, **{f"transforms.{step}.{name}": value for name, value in options.items()}}


def _pace() -> dict[str, str]:
    """How soon a change is sent, and what keeps the slot moving while no sale changes."""
    return {
        "poll.interval.ms": "50",
        "heartbeat.interval.ms": str(HEARTBEAT_MS),
        # Other databases of the server write too; this message, which no topic gets, lets the slot confirm their log.
        # A transaction of its own lets a snapshot in chunks see that nothing is under way.
        "heartbeat.action.query": "SELECT pg_logical_emit_message(true, 'tidelake-heartbeat', '')",
        "message.prefix.exclude.list": ".*",
        "errors.max.retries": "-1",
        "retriable.restart.connector.wait.ms": "2000",
    }
