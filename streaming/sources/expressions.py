"""The SQL expressions of a definition, evaluated by DuckDB over whole batches.

Every column is VARCHAR. An expression sees one record and nothing else: no table, no file, no other record, no clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rankings.contract import Rejected, shown
from runtime.errors import Permanent
from streaming.sources.text import at_path, text

if TYPE_CHECKING:
    import pyarrow as pa

Expression = tuple[str | None, str | None, str | None]
"""Field, SQL and cast of a mapping: one of the first two is told."""

Value = str | None | Rejected

_FORMS = {
    "timestamptz": "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')",
    "timestamp": "strftime({}, '%Y-%m-%dT%H:%M:%S.%fZ')",
    "date": "strftime({}, '%Y-%m-%dT00:00:00Z')",
}
"""How a type is written as the contract wants it; every other one as DuckDB writes it."""

MONEY, EXACT = "decimal(18,2)", "decimal(38,18)"
"""Money is computed finer than it is written, so that what a cast would round away is seen."""


class Expressions:
    """The computed fields of one definition.

    Args:
        by_field: the expression of each, by the sale's field.

    Raises:
        Permanent: an expression is no expression over one record.
    """

    def __init__(self, by_field: Mapping[str, Expression]) -> None:
        self._by_field = dict(by_field)
        self._engine: Any = _engine() if by_field else None
        self._changing = _changing(self._engine) if by_field else frozenset()
        self._columns = sorted({column for name in by_field for column in self._inputs(name)})
        for name in by_field:
            self._check(name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a record that the expressions read."""
        return tuple(self._columns)

    def evaluate(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Value]]:
        """The computed fields of each row: the text, None for a null, or why it cannot be computed."""
        if not self._by_field or not rows:
            return [{} for _ in rows]
        batch = self._batch(rows)
        wanted = ", ".join(f"TRY({_sql(each)})" for each in self._by_field.values())
        found = self._query(f"SELECT {wanted} FROM batch", batch)  # noqa: S608 - the definition's own expressions
        return [self._row(values, batch, at) for at, values in enumerate(found)]

    def _row(self, values: tuple[str | None, ...], batch: pa.Table, at: int) -> dict[str, Value]:
        return {
            name: self._why_null(name, batch.slice(at, 1))
            if value is None
            else _exact(name, self._by_field[name], value)
            for name, value in zip(self._by_field, values, strict=True)
        }

    def _why_null(self, name: str, row: pa.Table) -> Value:
        """An error told by the engine, or None where the value is null by right."""
        import duckdb

        try:
            self._query(f"SELECT {_sql(self._by_field[name])} FROM batch", row)  # noqa: S608 - as above
        except duckdb.Error as error:
            return Rejected(name, f"{name}: {_first_line(error)}")
        return None

    def _query(self, sql: str, batch: pa.Table) -> list[tuple[Any, ...]]:
        self._engine.register("batch", batch)
        found: list[tuple[Any, ...]] = self._engine.execute(sql).fetchall()
        return found

    def _batch(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        import pyarrow as pa

        columns = {
            name: pa.array([_lenient(at_path(row, name)) for row in rows], pa.string()) for name in self._columns
        }
        # An expression of constants alone still has to give a value for each row.
        return pa.table({**columns, "": pa.nulls(len(rows), pa.string())})

    def _inputs(self, name: str) -> Iterator[str]:
        """The columns that an expression reads."""
        field, sql, _ = self._by_field[name]
        if field is not None:
            yield field
            return
        (serialized,) = self._engine.execute("SELECT json_serialize_sql(?)", [f"SELECT {sql}"]).fetchall()
        parsed = json.loads(serialized[0])
        if parsed["error"] or len(parsed["statements"]) != 1:
            raise _invalid(name, str(sql), parsed.get("error_message", "several statements"))
        yield from _column_refs(name, parsed["statements"][0]["node"], self._changing)

    def _check(self, name: str) -> None:
        """Tries the expression on two rows: an aggregate would make one of them."""
        import duckdb

        sql = str(self._by_field[name][1] or self._by_field[name][0])
        try:
            found = self._query(f"SELECT TRY({_sql(self._by_field[name])}) FROM batch", self._batch([{}, {}]))  # noqa: S608
        except duckdb.Error as error:
            raise _invalid(name, sql, _first_line(error)) from error
        if len(found) != 2:
            raise _invalid(name, sql, "it does not give one value for each record")


def _engine() -> Any:
    import duckdb

    engine = duckdb.connect(":memory:")
    for setting in ("enable_external_access = false", "TimeZone = 'UTC'", "threads = 1", "lock_configuration = true"):
        engine.execute(f"SET {setting}")
    return engine


def _changing(engine: Any) -> frozenset[str]:
    """The functions whose value depends on more than their arguments."""
    # A few forms of plus and minus depend on the time zone, which is set here.
    query = "SELECT function_name FROM duckdb_functions() GROUP BY ALL HAVING bool_and(stability != 'CONSISTENT')"
    return frozenset(name for (name,) in engine.execute(query).fetchall())


def _sql(expression: Expression) -> str:
    field, sql, cast = expression
    value = f"({sql})" if field is None else '"' + field.replace('"', '""') + '"'
    if cast is None:
        return f"CAST({value} AS VARCHAR)"
    typed = f"CAST({value} AS {EXACT if cast == MONEY else cast})"
    return f"CAST({_FORMS.get(cast, '{}').format(typed)} AS VARCHAR)"


def _exact(name: str, expression: Expression, value: str) -> Value:
    if expression[2] != MONEY:
        return value
    exact = Decimal(value)
    if exact != round(exact, 2):
        return Rejected(
            name, f"{name}: received {shown(value.rstrip('0'))}, valid: at most two decimals; round it in SQL"
        )
    return format(round(exact, 2), "f")


def _lenient(value: Any) -> str | None:
    """What has no text is no input: the expression sees a null."""
    try:
        return text(value)
    except ValueError:
        return None


def _column_refs(name: str, node: Any, refused: frozenset[str]) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _column_refs(name, each, refused)
    elif isinstance(node, dict):
        if node.get("class") in ("SUBQUERY", "WINDOW", "STAR"):
            raise _invalid(name, node["class"].lower(), "an expression sees one record alone")
        if node.get("function_name") in refused:
            raise _invalid(name, node["function_name"], "the same record has to give the same value at any time")
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"][0]
        for each in node.values():
            yield from _column_refs(name, each, refused)


def _invalid(name: str, sql: str, why: str) -> Permanent:
    valid = "an expression in DuckDB's SQL over the fields of one record"
    return Permanent(f"the expression of {name} is not valid: {why}", received=sql, valid=valid)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
