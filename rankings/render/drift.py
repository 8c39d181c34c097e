"""The drift as ClickHouse SQL: where the live figures and the recomputed history disagree about a span of the log."""

from __future__ import annotations

from rankings.ranking import Ranking


def insert(ranking: Ranking, *, whole: bool = False) -> str:
    """Keeps a version's drift of one ranking in the table `drift`: one row for each sum that differs.

    Binds `version` UInt32, `new` Array(UInt32) (the version's chain), `added` and `gone` Array(UInt32) (the versions
    that the chain before lacks, and those that it alone has), `since` and `boundary` DateTime64(3) (the span of the log
    between the two), `cause` String.

    What both chains have in common is in both figures and tells nothing about whether they differ: of it, only the
    sums that live or the added versions name are read. With `whole`, where most are named, all are.
    """
    keys = ", ".join(ranking.sum_key)
    ordered = ", ".join(("currency", "business_day", *ranking.subject))
    live = f"{ranking.live_table} FINAL WHERE second >= {{since:DateTime64(3)}} AND second < {{boundary:DateTime64(3)}}"
    history = f"{ranking.reconciled_table} FINAL WHERE version IN"
    named = f"""
        AND ({ordered}) IN
        (SELECT {ordered} FROM {live}
         UNION ALL SELECT {ordered} FROM {history} arrayConcat({{added:Array(UInt32)}}, {{gone:Array(UInt32)}}))"""
    nothing = "toDecimal128(0, 2) AS held_amount, toInt64(0) AS held_sales"
    return f"""INSERT INTO drift (version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause)
SELECT {{version:UInt32}}, '{ranking.name}', business_day, currency, [{", ".join(ranking.subject)}],
    sum(held_amount) + sum(amount) AS live, sum(held_amount) AS reconciled,
    sum(held_sales) + sum(sales) AS live_count, sum(held_sales) AS reconciled_count, {{cause:String}}
FROM
(
    SELECT {keys}, amount, sales, {nothing} FROM {live}
    UNION ALL
    SELECT {keys}, amount, sales, {nothing} FROM {history} {{gone:Array(UInt32)}}
    UNION ALL
    SELECT {keys}, -amount, -sales, {nothing} FROM {history} {{added:Array(UInt32)}}
    UNION ALL
    SELECT {keys}, toDecimal128(0, 2), toInt64(0), amount, sales
    FROM {history} {{new:Array(UInt32)}}{"" if whole else named}
)
GROUP BY {keys}
HAVING live != reconciled OR live_count != reconciled_count"""


def rows() -> str:
    """A version's drift, row by row, with subjects as PostgreSQL writes arrays; binds `version`."""
    quoted = r"""concat('"', replaceRegexpAll(x, '["\\\\]', '\\\\\\0'), '"')"""
    return _rows(f"concat('{{', arrayStringConcat(arrayMap(x -> {quoted}, subject), ','), '}}') AS texts")


def _rows(subject: str) -> str:
    return f"""SELECT version, ranking, business_day, toString(currency) AS currency, {subject},
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL WHERE version = {{version:UInt32}}"""


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


def most(ranking: Ranking) -> str:
    """The rows of a version's drift that differ most; binds `version` and `most`; columns as in `rows`."""
    return f"""{_rows("subject")} AND ranking = '{ranking.name}'
ORDER BY abs(live_amount - reconciled_amount) DESC, abs(live_sales - reconciled_sales) DESC, business_day, subject
LIMIT {{most:UInt32}}"""


def live(ranking: Ranking) -> str:
    """What live has, by log second, of the sums that `most` finds; binds `since` and `boundary` too."""
    return f"""SELECT business_day, toString(currency) AS currency, {", ".join(ranking.subject)}, second, amount, sales
FROM {ranking.live_table} FINAL
WHERE second >= {{since:DateTime64(3)}} AND second < {{boundary:DateTime64(3)}}
    AND (business_day, toString(currency), [{", ".join(ranking.subject)}]) IN
    (SELECT business_day, currency, subject FROM ({most(ranking)}))"""


def any_live(ranking: Ranking) -> str:
    """A row if live has any delta in a span; binds `since` and `boundary`."""
    span = "second >= {since:DateTime64(3)} AND second < {boundary:DateTime64(3)}"
    return f"SELECT 1 FROM {ranking.live_table} WHERE {span} LIMIT 1"


def live_committed() -> str:
    """How far live has read each partition: topic, partition, committed."""
    return "SELECT topic, partition, committed FROM progress FINAL WHERE path = 'live'"


def refused_by_live() -> str:
    """The positions of the records that live has refused; binds `until`, a log time."""
    return (
        "SELECT DISTINCT topic, partition, offset FROM quarantine "
        "WHERE hop = 'stream' AND log_time < {until:DateTime64(3)}"
    )


def kept_versions() -> str:
    """The versions whose drift PostgreSQL keeps, in their order, and those that were compared and had none."""
    return """SELECT version FROM ledger WHERE status != 'failed' AND (
    EXISTS (SELECT 1 FROM drift WHERE drift.version = ledger.version)
    OR (status != 'running' AND coalesce(jsonb_array_length(certificate -> 'drift'), 0) = 0)
) ORDER BY version"""


def kept_summary() -> str:
    """PostgreSQL's copy of a version's drift, summed as `summary` does; binds `version` in psycopg2's style."""
    return """SELECT ranking, currency, cause, count(*) AS rows,
    sum(abs(reconciled_amount - live_amount)) AS amount, sum(abs(reconciled_sales - live_sales)) AS sales
FROM drift WHERE version = %(version)s
GROUP BY ranking, currency, cause ORDER BY ranking, currency, cause"""


def kept_rows() -> str:
    """The rows of PostgreSQL's copy that differ most; binds `version` and `most` in psycopg2's style."""
    return """SELECT version, ranking, business_day, currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift WHERE version = %(version)s
ORDER BY abs(reconciled_amount - live_amount) DESC, abs(reconciled_sales - live_sales) DESC,
    ranking, business_day, subject
LIMIT %(most)s"""
