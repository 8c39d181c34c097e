"""Whether the database is as a definition needs it: what is missing before it runs, what has drifted since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from streaming.sources.expressions import Expressions
from streaming.sources.postgres import database
from streaming.sources.postgres.database import Table
from streaming.sources.postgres.definition import DELETED_COLUMN, PostgresSource


def needed(source: PostgresSource) -> set[str]:
    """The fields of a record that the mapping reads; a joined table's are `name_column`.

    Raises:
        Permanent: an expression of the definition is not valid.
    """
    mapped = source.fields.mapped()
    plain = {each.field for each in mapped.values() if each.field is not None}
    computed = {name: (None, each.sql, each.cast) for name, each in mapped.items() if each.sql is not None}
    return (plain | set(Expressions(computed).columns)) - {DELETED_COLUMN}


def by_table(source: PostgresSource, fields: set[str], tables: Mapping[str, Table]) -> dict[str, set[str]]:
    """Which columns of which table those fields are; one that is nobody's is sought in the source's own table."""
    found: dict[str, set[str]] = {table: set(source.of_table(table)) for table in source.tables}
    for name in fields:
        table, column = _home(source, name, tables)
        found[table].add(column)
    for join in source.joins:
        for target in join.on.values():
            head, _, column = target.rpartition(".")
            found[source.table if not head else _join_table(source, head)].add(column)
    return found


def _home(source: PostgresSource, name: str, tables: Mapping[str, Table]) -> tuple[str, str]:
    own = tables.get(source.table)
    joined = [
        (join.table, name.removeprefix(f"{join.name}_")) for join in source.joins if name.startswith(f"{join.name}_")
    ]
    if not joined or (own is not None and name in own.columns):
        return source.table, name
    return max(joined, key=lambda each: len(each[0]))


def _join_table(source: PostgresSource, name: str) -> str:
    return next(join.table for join in source.joins if join.name == name)


def missing(source: PostgresSource, opened: Connection) -> Iterator[str]:
    """What the database's owner has to do before the source can run."""
    server = database.server(opened)
    if server["wal_level"] != "logical":
        yield f"wal_level is {server['wal_level']}, valid: logical (set it and restart the server)"
    if not server["may_replicate"]:
        yield f"the role {server['role']} may not replicate: ALTER ROLE {server['role']} REPLICATION"
    if server["in_recovery"]:
        yield "the server is a standby, valid: the primary"
    yield from drift(source, opened, database.tables(opened, source.tables))


def drift(source: PostgresSource, opened: Connection, tables: Mapping[str, Table]) -> Iterator[str]:
    """What in the tables and the publication keeps changes from being told."""
    wanted = by_table(source, needed(source), tables)
    for name in source.tables:
        if name not in tables:
            yield f"there is no table {name}: it was renamed or dropped"
            continue
        yield from _of_table(source, tables[name], wanted[name])
    yield from _of_publication(source, database.publication(opened, source.publication_name), wanted)


def _of_table(source: PostgresSource, table: Table, wanted: set[str]) -> Iterator[str]:
    if not table.readable:
        yield f"the role may not read {table.name}: GRANT SELECT"
    gone = sorted(wanted - set(table.columns))
    if gone:
        yield (
            f"{table.name} has no column {', '.join(gone)}: change the definition, "
            f"then run `tidelake sources resnapshot {source.name}`"
        )
    key = key_of(source, table)
    if not key:
        yield f"{table.name} has no primary key, and the definition names none: add `key`"
    elif not set(key) <= table.told:
        yield (
            f"an update or deletion in {table.name} does not tell {', '.join(key)}: "
            f"ALTER TABLE {table.name} REPLICA IDENTITY FULL, or USING INDEX of a unique index over them"
        )


def key_of(source: PostgresSource, table: Table) -> tuple[str, ...]:
    """The columns that a changed row of a table is known by."""
    return tuple(source.of_table(table.name)) or table.primary


def _of_publication(
    source: PostgresSource, told: dict[str, Any] | None, wanted: Mapping[str, set[str]]
) -> Iterator[str]:
    name = source.publication_name
    if told is None:
        yield f"there is no publication {name}: run what `tidelake sources sql {source.name}` prints"
        return
    left_out = [kind for kind in ("insert", "update", "delete") if not told[f"pub{kind}"]]
    if left_out:
        yield f"the publication {name} leaves out every {', '.join(left_out)}"
    for table in source.tables:
        if table not in told["tables"]:
            yield f"the publication {name} does not hold {table}: ALTER PUBLICATION {name} ADD TABLE {table}"
        elif told["tables"][table]["filter"]:
            yield f"the publication {name} leaves out rows of {table}"
        elif not source.joins and (hidden := sorted(wanted[table] - set(told["tables"][table]["columns"]))):
            yield f"the publication {name} leaves out columns of {table}: {', '.join(hidden)}"
