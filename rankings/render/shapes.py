"""Answers in other shapes than the plain one, as ClickHouse SQL: further down, by period, two periods, one subject.

The same two tables, boundary and order as `rankings.render.clickhouse.query`, which makes the plain shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rankings.ranking import Ranking
from rankings.render.clickhouse import View


class Step(StrEnum):
    """A length of a period; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_PERIOD = {
    Step.DAY: "business_day",
    Step.WEEK: "toMonday(business_day)",
    Step.MONTH: "toStartOfMonth(business_day)",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer looks like beside the plain one.

    Attributes:
        view: which deltas to sum.
        by_country: binds `country`: only subjects of that country.
        by_subject: binds `subject_<column>` String for each column: only the lines of that subject, ranked among all.
        step: one ranking for each period; adds the column `period` (its first day) behind `rank`.
        compared: binds `against_first` and `against_last` Date: the figures of those days too, as the columns
            `before_rank`, `before_amount` and `before_sales` behind `sales`. A rank is 0 where there is nothing.
        until: binds `until` DateTime64(3): live deltas before it alone.
    """

    view: View = View.MERGED
    by_country: bool = False
    by_subject: bool = False
    step: Step | None = None
    compared: bool = False
    until: bool = False


def shaped(ranking: Ranking, shape: Shape) -> str:
    """The answer as one query; binds what `query` binds, and `after` UInt32: only ranks beyond it.

    Columns: `rank`, then `period` if there are periods, the subject's, `amount`, `sales`, those of the other period if
    two are compared, `live_turnover`, `all_turnover`.
    """
    period = ("period",) if shape.step else ()
    order = ", ".join((*period, *ranking.within, "rank"))
    before = ("before_rank", "before_amount", "before_sales") if shape.compared else ()
    columns = ("rank", *period, *ranking.subject, "amount", "sales", *before, "live_turnover", "all_turnover")
    only = "".join(f" AND {column} = {{subject_{column}:String}}" for column in ranking.subject if shape.by_subject)
    return f"""SELECT {", ".join(columns)}
FROM
(
    {_sums(ranking, shape, (*period, *ranking.subject))}
)
WHERE NOT gone AND rank > {{after:UInt32}} AND rank <= {{limit:UInt32}}{only}
ORDER BY {order}"""


def _sums(ranking: Ranking, shape: Shape, group: tuple[str, ...]) -> str:
    if shape.compared:
        return _compared(ranking, shape)
    among = ", ".join((*group[: len(group) - len(ranking.subject)], *ranking.within, "gone"))
    period = f"{_PERIOD[shape.step]} AS period, " if shape.step else ""
    window = f"PARTITION BY {among} ORDER BY amount DESC, {', '.join(ranking.subject)}"
    return f"""SELECT {period}{", ".join(ranking.subject)}, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER ({window}) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        {_parts(ranking, shape)}
    )
    GROUP BY {", ".join(group)}"""


def _compared(ranking: Ranking, shape: Shape) -> str:
    """Subjects with nothing in one of the periods stand last there, with rank 0 or beyond all who have."""
    subject = ", ".join(ranking.subject)
    within = f"PARTITION BY {', '.join(ranking.within)} " if ranking.within else ""
    return f"""SELECT {subject},
        sumIf(delta, now) AS amount, sumIf(delta_sales, now) AS sales,
        sumIf(delta, before) AS before_amount, sumIf(delta_sales, before) AS before_sales,
        amount = 0 AND sales = 0 AND before_amount = 0 AND before_sales = 0 AS gone,
        row_number() OVER ({within}ORDER BY gone, amount = 0 AND sales = 0, amount DESC, {subject}) AS rank,
        if(before_amount = 0 AND before_sales = 0, 0, row_number() OVER (
            {within}ORDER BY before_amount = 0 AND before_sales = 0, before_amount DESC, {subject}
        )) AS before_rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover
    FROM
    (
        SELECT *, business_day BETWEEN {{first_day:Date}} AND {{last_day:Date}} AS now,
            business_day BETWEEN {{against_first:Date}} AND {{against_last:Date}} AS before
        FROM ({_parts(ranking, shape)})
    )
    GROUP BY {subject}"""


def _parts(ranking: Ranking, shape: Shape) -> str:
    parts = []
    if shape.view is not View.LIVE:
        known = "version IN {versions:Array(UInt32)}"
        parts.append(_part(ranking, shape, f"{ranking.reconciled_table} FINAL", known, "false"))
    if shape.view is not View.RECONCILED:
        since = "second >= {boundary:DateTime64(3)}" + (" AND second < {until:DateTime64(3)}" if shape.until else "")
        parts.append(_part(ranking, shape, f"{ranking.live_table} FINAL", since, "true"))
    return "\n        UNION ALL\n        ".join(parts)


def _part(ranking: Ranking, shape: Shape, table: str, condition: str, is_live: str) -> str:
    days = "business_day BETWEEN {first_day:Date} AND {last_day:Date}"
    if shape.compared:
        days = f"({days} OR business_day BETWEEN {{against_first:Date}} AND {{against_last:Date}})"
    country = " AND country = {country:String}" if shape.by_country else ""
    return (
        f"SELECT business_day, {', '.join(ranking.subject)}, amount AS delta, sales AS delta_sales, "
        f"abs(amount) AS turnover, {is_live} AS is_live\n        FROM {table}\n"
        f"        WHERE {condition} AND currency = {{currency:String}} AND {days}{country}"
    )


def days_of(ranking: Ranking) -> str:
    """Where one subject's sum comes from, by business day; binds `subject_<column>`, `currency`, `first_day`,
    `last_day`, `versions`, `boundary`, `until`. Columns: business_day, reconciled and live amount and sales."""
    shape = Shape(until=True)
    return f"""SELECT business_day, sumIf(delta, NOT is_live), sumIf(delta_sales, NOT is_live),
    sumIf(delta, is_live), sumIf(delta_sales, is_live)
FROM
(
    {_parts(ranking, shape)}
)
WHERE {_is_subject(ranking)}
GROUP BY business_day
ORDER BY business_day DESC
LIMIT {{limit:UInt32}}"""


def deltas_of(ranking: Ranking) -> str:
    """The newest live deltas of one subject; binds what `days_of` binds.

    Columns: second (of log time), business_day, amount, sales, records (how many changes of sales are in it).
    """
    return f"""SELECT second, business_day, amount, sales, records
FROM {ranking.live_table} FINAL
WHERE second >= {{boundary:DateTime64(3)}} AND second < {{until:DateTime64(3)}} AND currency = {{currency:String}}
    AND business_day BETWEEN {{first_day:Date}} AND {{last_day:Date}} AND {_is_subject(ranking)}
ORDER BY second DESC, business_day DESC
LIMIT {{limit:UInt32}}"""


def _is_subject(ranking: Ranking) -> str:
    return " AND ".join(f"{column} = {{subject_{column}:String}}" for column in ranking.subject)


def kept() -> str:
    """What was left when versions and live deltas were last dropped; no row if they never were.

    Columns: newest, versions, live_from.
    """
    return "SELECT newest, versions, live_from FROM care ORDER BY cared_at DESC LIMIT 1"


def publications() -> str:
    """Every version ever published, by its last publishing, newest version first; binds `before` and `limit` UInt32.

    Columns: version, boundary, versions, rankings, published_at, times (how often it was published).
    """
    return """SELECT version, argMax(boundary, published_at) AS boundary, argMax(versions, published_at) AS versions,
    argMax(rankings, published_at) AS rankings, max(published_at) AS last_published_at, count() AS times
FROM publications
WHERE version < {before:UInt32}
GROUP BY version
ORDER BY version DESC
LIMIT {limit:UInt32}"""


def drift_rows() -> str:
    """One version's drift; binds `version`, `ranking` (empty: all), `after` UInt64 (rows to leave out), `limit`."""
    return """SELECT ranking, business_day, toString(currency) AS currency, subject,
    live_amount, reconciled_amount, live_sales, reconciled_sales, cause
FROM drift FINAL
WHERE version = {version:UInt32} AND ({ranking:String} = '' OR ranking = {ranking:String})
ORDER BY abs(live_amount - reconciled_amount) DESC, ranking, currency, business_day, subject
LIMIT {limit:UInt32} OFFSET {after:UInt64}"""


def drift_sums() -> str:
    """One version's drift in short; binds `version`. Columns: ranking, currency, cause, sums, amount, sales."""
    return """SELECT ranking, toString(currency) AS currency, cause, count() AS sums,
    sum(abs(live_amount - reconciled_amount)) AS amount,
    sum(abs(live_sales - reconciled_sales)) AS sales
FROM drift FINAL
WHERE version = {version:UInt32}
GROUP BY ranking, currency, cause
ORDER BY ranking, currency, cause"""


def refused_records() -> str:
    """What is in quarantine, last refused first; binds `topic`, `state` and `id` (each empty: all), `after`, `limit`.

    Columns: id, source, sale_id, hops, topic, at, log_time, field, reason, key, payload, first_seen, last_seen, times,
    state (open, replayed, discarded or superseded).
    """
    return """SELECT id, source, sale_id, hops, topic, at, log_time, field, toValidUTF8(reason) AS reason,
    toValidUTF8(key) AS key, toValidUTF8(payload) AS payload, first_seen, last_seen, times, state
FROM quarantine_records
WHERE ({topic:String} = '' OR topic = {topic:String})
    AND ({state:String} = '' OR state = {state:String})
    AND ({id:String} = '' OR id = {id:String})
ORDER BY last_seen DESC, id
LIMIT {limit:UInt32} OFFSET {after:UInt64}"""


def positions() -> str:
    """How far every job has come in every partition. Columns as in the table `progress`."""
    return """SELECT path, topic, partition, committed, log_end, seen_through, measured_at
FROM progress FINAL
ORDER BY path, topic, partition"""
