"""The SQL by which the rows of a source with joins are asked for, made from its definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.errors import Permanent
from streaming.sources.postgres import database
from streaming.sources.postgres.database import Table
from streaming.sources.postgres.definition import Join, PostgresSource

ROOT = "row"
PAGE = 1000

TIME = {
    "timestamp with time zone": """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "timestamp without time zone": """to_char({}, 'YYYY-MM-DD"T"HH24:MI:SS.US')""",
}
"""How times are asked for, so that none depends on the session; everything else is the database's own text."""

BY_KEY = """
SELECT {wanted}, {columns}, {found} AS found
FROM (SELECT DISTINCT {typed} FROM unnest({arrays}) AS told ({names})) AS wanted
LEFT JOIN {root} AS {row} ON {same}
{joins}
"""

BY_JOIN = """
SELECT {key}, {columns}, {found} AS found
FROM (SELECT DISTINCT {typed} FROM unnest({arrays}) AS told ({names})) AS wanted
JOIN ({root} AS {row} {joins}) ON {same}
WHERE {after}
ORDER BY {order}
LIMIT {limit}
"""


class Query:
    """Asks for the rows of a source by what a change of one of its tables tells.

    Args:
        tables: every table of the source, as it is.
        needed: the fields that the mapping reads.

    Raises:
        Permanent: the source's table has no key.
    """

    def __init__(self, source: PostgresSource, tables: Mapping[str, Table], needed: set[str]) -> None:
        self._source, self._tables = source, tables
        self.key = source.key_columns or tables[source.table].primary
        if not self.key:
            raise Permanent(f"{source.table} has no primary key", todo="name the columns of its key in the definition")
        self._fields = self._chosen_fields(needed)

    def key_of(self, table: str, told: Mapping[str, Any]) -> tuple[str, ...]:
        """What a record's key says, as text, in the order of the columns that rows are asked for by."""
        return tuple(str(told[column]) for column in self._columns_of(table))

    def rows(
        self, opened: Connection, table: str, keys: Sequence[tuple[str, ...]]
    ) -> Iterator[tuple[dict[str, Any], bool]]:
        """The fields of each row that those keys lead to, and whether it is a sale: not if it, or a match, is gone."""
        if not keys:
            return
        if table == self._source.table:
            yield from self._asked(opened, self._by_key(), self._arrays(keys))
            return
        after: list[str] | None = None
        while True:
            statement, parameters = self._by_join(table, after)
            page = list(self._asked(opened, statement, [*self._arrays(keys), *parameters]))
            yield from page
            if len(page) < PAGE:
                return
            after = [page[-1][0][name] for name in self.key]

    def _asked(
        self, opened: Connection, statement: sql.Composed, parameters: Sequence[Any]
    ) -> Iterator[tuple[dict[str, Any], bool]]:
        names = [*self.key, *self._fields]
        with opened.cursor() as cursor:
            cursor.execute(statement, parameters)
            for *values, found in cursor:
                yield dict(zip(names, values, strict=True)), bool(found)

    def _by_key(self) -> sql.Composed:
        return sql.SQL(BY_KEY).format(
            wanted=_comma(sql.SQL("{}::text").format(_at("wanted", name)) for name in self.key),
            same=self._same([_at(ROOT, name) for name in self.key], self.key),
            **self._common(self._source.table),
        )

    def _by_join(self, table: str, after: list[str] | None) -> tuple[sql.Composed, list[str]]:
        """One page of the rows that refer to changed rows of a joined table, in the order of their keys."""
        join = next(each for each in self._source.joins if each.table == table)
        key = [_at(ROOT, name) for name in self.key]
        types = self._types(self._source.table, self.key)
        bounds = _comma(sql.SQL("%s::{}").format(sql.SQL(each)) for each in types)
        statement = sql.SQL(BY_JOIN).format(
            key=_comma(sql.SQL("{}::text").format(each) for each in key),
            same=self._same([self._target(target) for target in join.on.values()], tuple(join.on)),
            after=sql.SQL("({}) > ({})").format(_comma(key), bounds) if after else sql.SQL("TRUE"),
            order=_comma(key),
            limit=sql.Literal(PAGE),
            **self._common(table),
        )
        return statement, after or []

    def _common(self, table: str) -> dict[str, sql.Composable]:
        columns = self._columns_of(table)
        types = self._types(table, columns)
        return {
            "columns": _comma(self._fields.values()) if self._fields else sql.SQL("NULL"),
            "found": self._found(),
            "typed": _comma(
                sql.SQL("{0}::{1} AS {0}").format(sql.Identifier(name), sql.SQL(kind))
                for name, kind in zip(columns, types, strict=True)
            ),
            "arrays": _comma(sql.SQL("%s::text[]") for _ in columns),
            "names": _comma(sql.Identifier(name) for name in columns),
            "root": database.identifier(self._source.table),
            "row": sql.Identifier(ROOT),
            "joins": sql.SQL(" ").join(self._join(join) for join in self._source.joins),
        }

    def _join(self, join: Join) -> sql.Composed:
        """Never an inner join: a row whose match is gone has to be seen, to be deleted."""
        same = [
            sql.SQL("{} = {}").format(_at(_alias(join), column), self._target(target))
            for column, target in join.on.items()
        ]
        return sql.SQL("LEFT JOIN {} AS {} ON {}").format(
            database.identifier(join.table), sql.Identifier(_alias(join)), sql.SQL(" AND ").join(same)
        )

    def _found(self) -> sql.Composed:
        there = [_at(ROOT, name) for name in self.key]
        there += [_at(_alias(join), column) for join in self._source.joins if not join.optional for column in join.on]
        return sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(each) for each in there)

    def _target(self, target: str) -> sql.Composed:
        head, _, column = target.rpartition(".")
        return _at(f"join_{head}" if head else ROOT, column)

    def _same(self, columns: Sequence[sql.Composable], names: Sequence[str]) -> sql.Composed:
        pairs = zip(columns, names, strict=True)
        return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(column, _at("wanted", name)) for column, name in pairs)

    def _columns_of(self, table: str) -> tuple[str, ...]:
        return self.key if table == self._source.table else tuple(self._source.of_table(table))

    def _types(self, table: str, columns: Sequence[str]) -> list[str]:
        """Types come from the database's own catalogue, already as SQL writes them."""
        return [self._tables[table].columns[column] for column in columns]

    def _arrays(self, keys: Sequence[tuple[str, ...]]) -> list[list[str]]:
        return [list(column) for column in zip(*keys, strict=True)]

    def _chosen_fields(self, needed: set[str]) -> dict[str, sql.Composed]:
        """What the mapping reads beside the key, by the field's name; a field that no table has is left out."""
        found = {
            name: as_text(_at(ROOT, name), kind)
            for name, kind in self._tables[self._source.table].columns.items()
            if name in needed and name not in self.key
        }
        for join in self._source.joins:
            for column, kind in self._tables[join.table].columns.items():
                name = f"{join.name}_{column}"
                if name in needed and name not in found and name not in self.key:
                    found[name] = as_text(_at(_alias(join), column), kind)
        missing = sorted(needed - set(found) - set(self.key))
        if missing:
            raise Permanent(
                f"no table of {self._source.name} has what the mapping reads",
                received=", ".join(missing),
                valid="a column of its own table, or `name_column` of a join",
                todo="change the definition: the source goes on where it stopped",
            )
        return found


def _alias(join: Join) -> str:
    return f"join_{join.name}"


def _at(table: str, column: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(sql.Identifier(table), sql.Identifier(column))


def as_text(column: sql.Composed, kind: str) -> sql.Composed:
    form = next((form for name, form in TIME.items() if _plain(kind) == name), "{}::text")
    return sql.SQL(form).format(column)


def _plain(kind: str) -> str:
    """A type without its precision: `timestamp(3) with time zone` is one with time zone."""
    head, bracket, rest = kind.partition("(")
    return head + rest.partition(")")[2] if bracket else kind


def _comma(parts: Any) -> sql.Composed:
    return sql.SQL(", ").join(list(parts))
