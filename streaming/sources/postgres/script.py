"""The SQL that a database's owner runs once, so that a source can be read; the platform never runs it by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from psycopg2.extensions import parse_dsn

from runtime.settings import Settings
from streaming.sources.postgres.connector import dsn
from streaming.sources.postgres.database import Table
from streaming.sources.postgres.definition import PostgresSource

HEAD = """-- {name}: what its database needs, to be run by the owner of the tables (the role by a superuser).
-- The server needs wal_level = logical; set max_slot_wal_keep_size, so that a reader that is away fills no disk."""


def script(source: PostgresSource, chosen: Settings, tables: Mapping[str, Table]) -> str:
    """The whole script; it may be run again, statement by statement or in one transaction.

    What locks a table most comes first. A grant changes the table's row of the catalogue without a lock on the table:
    autovacuum, which analyses it at that moment, would wait for that row, and the rest of a transaction for autovacuum.
    Nor is a table published that has no replica identity yet: the database would refuse its updates.

    Args:
        tables: those that exist, where the database could be asked; what is not known is told as a comment.

    Raises:
        Permanent: the database's address cannot be told.
    """
    role = parse_dsn(dsn(source, chosen)).get("user", "tidelake")
    identities = [line for name in source.tables for line in _identity(source, name, tables.get(name))]
    parts = ["\n".join(identities), "\n".join(_publication(source)), "\n".join(_role(role, source))]
    return "\n\n".join([HEAD.format(name=source.name), *filter(None, parts)]) + "\n"


def _identity(source: PostgresSource, name: str, table: Table | None) -> Iterator[str]:
    """By what an update or deletion tells its row: without any, the database refuses updates of a published table."""
    wanted = tuple(source.of_table(name))
    if table is None:
        yield f"-- {name} could not be looked at: its replica identity has to hold {', '.join(wanted) or 'its key'}"
        return
    if table.told and set(wanted) <= table.told:
        return
    by_index = next((index for index, columns in table.indexes.items() if set(wanted) <= set(columns)), None)
    if by_index is not None and wanted:
        yield f"ALTER TABLE {name} REPLICA IDENTITY USING INDEX {_quoted(by_index)};"
    else:
        yield "-- Every update and deletion writes the whole old row into the log of the server then."
        yield f"ALTER TABLE {name} REPLICA IDENTITY FULL;"


def _publication(source: PostgresSource) -> Iterator[str]:
    """Truncations are published too: Debezium passes over them, and the platform sees them by itself."""
    name, tables = source.publication_name, ", ".join(source.tables)
    yield "DO $$ BEGIN"
    yield f"    IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = '{name}') THEN"
    yield f"        CREATE PUBLICATION {name};"
    yield "    END IF;"
    yield "END $$;"
    yield f"ALTER PUBLICATION {name} SET TABLE {tables};"
    yield f"ALTER PUBLICATION {name} SET (publish_via_partition_root = true);"


def _role(role: str, source: PostgresSource) -> Iterator[str]:
    quoted = _quoted(role)
    yield "DO $$ BEGIN"
    yield f"    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role.replace(chr(39), 2 * chr(39))}') THEN"
    yield f"        CREATE ROLE {quoted} LOGIN REPLICATION;  -- and give it a password"
    yield "    END IF;"
    yield "END $$;"
    for schema in dict.fromkeys(table.partition(".")[0] for table in source.tables):
        yield f"GRANT USAGE ON SCHEMA {schema} TO {quoted};"
    yield f"GRANT SELECT ON {', '.join(source.tables)} TO {quoted};"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
