"""The answers for analysts, as ClickHouse views: merged, reconciled and live numbers from plain SQL."""

from __future__ import annotations

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking

ANALYST = "analyst"
"""The user that may read, within limits."""

LIMITS = {
    "max_execution_time": "60",
    "max_memory_usage": "1000000000",
    "max_result_rows": "1000000",
    "max_result_bytes": "500000000",
    "max_threads": "2",
    "result_overflow_mode": "throw",
    "http_wait_end_of_query": "1",
}
"""What one query of an analyst may take: seconds, bytes, rows, bytes of result, threads.

The answer over HTTP begins when the query has ended: one that a limit cuts off is an error, never a part of a result.
"""

_KEY = {
    "business_day": ("Date", "the day that the sales count for, in the business time zone"),
    "currency": ("LowCardinality(FixedString(3))", "ISO 4217; sums are never taken across currencies"),
    "country": ("LowCardinality(String)", "as the sources write it"),
    "city": ("String", "as the sources write it"),
    "salesman_id": ("String", "who is credited"),
}

_FIGURES = {
    "amount": ("Decimal(38, 2)", "merged: reconciled before the boundary and live from it on"),
    "sales": ("Int64", "how many sales it sums"),
    "reconciled_amount": ("Decimal(38, 2)", "the part from before the boundary of the current publication"),
    "reconciled_sales": ("Int64", "likewise, in sales"),
    "live_amount": ("Decimal(38, 2)", "the part that came since: it may be negative"),
    "live_sales": ("Int64", "likewise, in sales"),
}

_SUMS = """sum(amount) AS amount, sum(sales) AS sales,
    sum(reconciled_amount) AS reconciled_amount, sum(reconciled_sales) AS reconciled_sales,
    sum(live_amount) AS live_amount, sum(live_sales) AS live_sales"""


def sales_view(ranking: Ranking) -> str:
    """The name of the view of a ranking's sums by business day, such as `sales_by_country_city`."""
    return f"sales_by_{'_'.join(ranking.subject)}"


def views(among: tuple[Ranking, ...] = RANKINGS) -> list[str]:
    """Every statement that makes the views, each safe to run again."""
    found = [statement for ranking in among for statement in (_sales(ranking), _ranked(ranking))]
    return [*found, *(_coarser(name, columns, among) for name, columns in _COARSER.items())]


_COARSER = {
    "sales_by_day": ("business_day", "currency"),
    "sales_by_country": ("business_day", "currency", "country"),
}


def _sales(ranking: Ranking) -> str:
    key = ", ".join(ranking.sum_key)
    # A publication without a history of this ranking counts as none: then all is live, as in the API.
    current = "(SELECT versions, boundary, rankings FROM publications ORDER BY published_at DESC, version DESC LIMIT 1)"
    of_this = f"FROM {current} WHERE has(rankings, '{ranking.name}')"
    known = f"(SELECT arrayJoin(versions) {of_this})"
    since = f"(SELECT max(boundary) {of_this})"
    nothing = "toDecimal128(0, 2)"
    return _view(
        sales_view(ranking),
        (*ranking.sum_key, *_FIGURES),
        f"""SELECT {key}, {_SUMS}
FROM
(
    SELECT {key}, amount, sales, amount AS reconciled_amount, sales AS reconciled_sales,
        {nothing} AS live_amount, toInt64(0) AS live_sales
    FROM {ranking.reconciled_table} FINAL WHERE version GLOBAL IN {known}
    UNION ALL
    SELECT {key}, amount, sales, {nothing}, toInt64(0), amount, sales
    FROM {ranking.live_table} FINAL WHERE second >= {since}
)
GROUP BY {key}
HAVING amount != 0 OR sales != 0 OR live_amount != 0""",
        f"{ranking.title}: sums by business day; of the current publication and live since its boundary",
    )


def _ranked(ranking: Ranking) -> str:
    subject = ", ".join(ranking.subject)
    among = ", ".join(("currency", *ranking.within))
    return _view(
        ranking.slug,
        ("currency", "rank", *ranking.subject, *_FIGURES),
        f"""SELECT currency, row_number() OVER (PARTITION BY {among} ORDER BY amount DESC, {subject}) AS rank,
    {subject}, amount, sales, reconciled_amount, reconciled_sales, live_amount, live_sales
FROM
(
    SELECT currency, {subject}, {_SUMS}
    FROM {sales_view(ranking)}
    GROUP BY currency, {subject}
    HAVING amount != 0 OR sales != 0
)""",
        f"{ranking.title}, of all days; for some days rank the view {sales_view(ranking)}",
    )


def _coarser(name: str, columns: tuple[str, ...], among: tuple[Ranking, ...]) -> str:
    ranking = next(each for each in among if set(columns) <= set(each.sum_key))
    key = ", ".join(columns)
    return _view(
        name,
        (*columns, *_FIGURES),
        f"SELECT {key}, {_SUMS}\nFROM {sales_view(ranking)}\nGROUP BY {key}",
        f"Sums by {', '.join(columns)}",
    )


def _view(name: str, columns: tuple[str, ...], query: str, comment: str) -> str:
    known = {**_KEY, **_FIGURES, "rank": ("UInt64", "from 1, in each currency and group")}
    listed = ",\n    ".join(f"{column} {known[column][0]} COMMENT '{known[column][1]}'" for column in columns)
    return f"CREATE OR REPLACE VIEW {name}\n(\n    {listed}\n)\nAS {query}\nCOMMENT '{comment}'"


def analyst_access(database: str = "tidelake") -> list[str]:
    """A read-only user with limits, for a server that keeps users; binds `password` String."""
    limits = ", ".join(f"{name} = {_quoted(value)} READONLY" for name, value in LIMITS.items())
    return [
        f"CREATE SETTINGS PROFILE IF NOT EXISTS {ANALYST} SETTINGS readonly = 2, {limits}",
        f"CREATE USER IF NOT EXISTS {ANALYST} IDENTIFIED WITH sha256_password BY {{password:String}} "
        f"SETTINGS PROFILE '{ANALYST}'",
        f"GRANT SELECT, SHOW ON {database}.* TO {ANALYST}",
    ]


def _quoted(value: str) -> str:
    return value if value.isdigit() else f"'{value}'"
