"""The rankings as PostgreSQL's SQL: plain sums over a source table, to compare every other engine's answer with."""

from __future__ import annotations

import re

from rankings.ranking import Ranking

SALES_TABLE = "public.sales"
"""The operational database's table of sales."""

_TABLE = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")


def sums(ranking: Ranking, table: str = SALES_TABLE) -> str:
    """The sums of a ranking over a table that has a sale's columns.

    Binds `zone`, the business time zone's name, in psycopg2's style. Columns: the ranking's `sum_key`, amount, sales.
    Text is trimmed and normalized as the contract does it.

    Raises:
        ValueError: the table's name is not a plain identifier.
    """
    if not _TABLE.fullmatch(table):
        raise ValueError(f"a table's name is lower-case identifiers, not {table!r}")
    columns = ",\n    ".join(f"{_expression(column)} AS {column}" for column in ranking.sum_key)
    positions = ", ".join(str(position) for position, _ in enumerate(ranking.sum_key, start=1))
    return f"""SELECT
    {columns},
    sum({ranking.measure.column}) AS amount,
    count(*) AS sales
FROM {table}
GROUP BY {positions}
ORDER BY {positions}"""


def _expression(column: str) -> str:
    if column == "business_day":
        return "(occurred_at AT TIME ZONE %(zone)s)::date"
    return rf"normalize(btrim({column}::text, E' \t\r\n'), NFC)"
