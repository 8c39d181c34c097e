"""The drift as ClickHouse SQL: where the live figures and the recomputed history disagree about a span of the log."""

from __future__ import annotations

from rankings.ranking import Ranking

LIVE_BEHIND = "live had not read up to the boundary"
"""The cause where the live job's progress is known to lie before the boundary."""

UNKNOWN = "unknown"
"""The cause where none is known."""


def insert(ranking: Ranking) -> str:
    """Keeps a version's drift of one ranking in the table `drift`: one row for each sum that differs.

    Binds `version` UInt32, `new` and `base` Array(UInt32) (the chains of the version and of the one before it),
    `since` and `boundary` DateTime64(3) (the span of the log between the two), `cause` String.
    """
    keys = ", ".join(ranking.sum_key)
    history = f"FROM {ranking.reconciled_table} FINAL WHERE version IN"
    return f"""INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {{version:UInt32}}, '{ranking.name}', business_day, currency, [{", ".join(ranking.subject)}],
    sum(amount_live) AS live, sum(amount_reconciled) AS reconciled,
    sum(sales_live) AS live_count, sum(sales_reconciled) AS reconciled_count, {{cause:String}}
FROM
(
    SELECT {keys}, amount AS amount_live, sales AS sales_live,
        toDecimal128(0, 2) AS amount_reconciled, toInt64(0) AS sales_reconciled
    {history} {{base:Array(UInt32)}}
    UNION ALL
    SELECT {keys}, amount, sales, toDecimal128(0, 2), toInt64(0)
    FROM {ranking.live_table} FINAL
    WHERE second >= {{since:DateTime64(3)}} AND second < {{boundary:DateTime64(3)}}
    UNION ALL
    SELECT {keys}, toDecimal128(0, 2), toInt64(0), amount, sales
    {history} {{new:Array(UInt32)}}
)
GROUP BY {keys}
HAVING live != reconciled OR live_count != reconciled_count"""


def rows() -> str:
    """A version's drift, row by row; binds `version`."""
    return (
        "SELECT version, ranking, business_day, toString(currency) AS currency, subject, "
        "live_amount, reconciled_amount, live_sales, reconciled_sales, cause "
        "FROM drift FINAL WHERE version = {version:UInt32}"
    )


def summary() -> str:
    """A version's drift by ranking, currency and cause; binds `version`; differences are summed without signs."""
    return """SELECT ranking, toString(currency) AS currency, cause, count() AS rows,
    sum(abs(reconciled_amount - live_amount)) AS amount, sum(abs(reconciled_sales - live_sales)) AS sales
FROM drift FINAL
WHERE version = {version:UInt32}
GROUP BY ranking, currency, cause
ORDER BY ranking, currency, cause"""


def live_seen_through() -> str:
    """The log time up to which the live job has read every partition; no row if it was never measured."""
    return "SELECT min(seen_through) AS seen_through FROM progress FINAL WHERE path = 'live' HAVING count() > 0"
