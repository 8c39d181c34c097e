"""Why live and the log disagree, as Spark SQL: the evidence about each sum that differs.

The views that the queries read are named here; `zone`, the business time zone's name, is bound where it says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from rankings.ranking import Ranking
from rankings.render.lake import POSITION_COLUMNS, SALE_COLUMNS, SALES, version_tag
from rankings.render.spark import LOG_ORDER, PARSED, in_months, reached

STEPS = "steps"
"""The records of the span, each with what its sale was before (`was`) and with what is known of the record itself."""

DRIFTED = "drifted"
"""The sums that differ: sum key, amount and sales, by which live is more than the log."""

LIVE = "live"
"""What live has of these sums: sum key, second, amount, sales."""

TAKEN = "taken"
"""How far live has read: topic, partition, committed (it has taken every record below)."""

REFUSED_BY_LIVE = "refused_by_live"
"""The positions of the records that live has refused: topic, partition, offset."""

_STATE = ("deleted", *SALE_COLUMNS)

_FLAGGED = [(flag, what) for flag in ("untaken", "refused", "regressed") for what in ("amount", "sales")]


def steps(base: int | None, months: Iterable[int | None]) -> str:
    """The view `steps`, from the view `parsed` and what silver held as of version `base`; binds `since`.

    What a sale was before the span has to be known only where that belongs to a sum that differs: of silver, only the
    months of these are read, counted from 1970.

    The records of a sale stand in the log's order, as `rankings.render.spark.latest_state` tells it.

    `untaken`: live had not taken the record by then; `refused`: live refused it; `regressed`: its log time lies before
    the span, though the version before had not seen it.
    """
    state, was, position = ", ".join(SALE_COLUMNS), ", ".join(_STATE), ", ".join(POSITION_COLUMNS)
    return f"""SELECT s.*, s.offset >= coalesce(t.committed, 0) AS untaken, r.offset IS NOT NULL AS refused,
    s.log_time < :since AS regressed
FROM
(
    SELECT *, lag(struct({was})) OVER sale AS was, lead(true) OVER sale AS followed
    FROM
    (
        SELECT *, {reached("source, sale_id, is_record")}
        FROM
        (
            SELECT DISTINCT source, sale_id, kind = 'deletion' AS deleted, {state}, {position}, 1 AS is_record
            FROM {PARSED} WHERE kind IN ('sale', 'deletion'){_held(base, months)}
        )
    )
    WINDOW sale AS (PARTITION BY source, sale_id ORDER BY is_record, {LOG_ORDER})
) AS s
LEFT JOIN {TAKEN} AS t ON t.topic = s.topic AND t.partition = s.partition
LEFT JOIN {REFUSED_BY_LIVE} AS r ON r.topic = s.topic AND r.partition = s.partition AND r.offset = s.offset
WHERE is_record = 1"""


def _held(base: int | None, months: Iterable[int | None]) -> str:
    """What silver held of the same sales, if there was a version before."""
    if base is None:
        return ""
    columns = ", ".join(f"held.{name}" for name in (*_STATE, *POSITION_COLUMNS))
    return f"""
            UNION ALL
            SELECT held.source, held.sale_id, {columns}, 0
            FROM {SALES} VERSION AS OF '{version_tag(base)}' AS held
            JOIN (SELECT DISTINCT source, sale_id FROM {PARSED}) AS told
                ON held.source = told.source AND held.sale_id = told.sale_id
            WHERE {in_months("held.occurred_at", months)}"""


def evidence(ranking: Ranking) -> str:
    """One row for each sum of the view `drifted`; binds `zone`.

    Columns: the sum key; amount and sales, by which live is more; the same of the effects of records that live had not
    taken, had refused, or that came at a log time before the span (`untaken_...`, `refused_...`, `regressed_...`);
    `behind`, whether there are any that it had not taken;
    `state_lost`, whether live is more by just what it would be if it had forgotten all sales at some moment; and how
    many log seconds live lacks, has without any record, or has with other figures (`missing`, `foreign`, `altered`).
    """
    keys = ", ".join(ranking.sum_key)
    effects = ",\n    ".join(f"coalesce({flag}_{what}, 0) AS {flag}_{what}" for flag, what in _FLAGGED)
    return f"""WITH {_effects(ranking, keys)},
{_lost(ranking, keys)},
{_seconds(keys)}
SELECT {keys}, amount, sales,
    {effects},
    coalesce(behind, false) AS behind, coalesce(state_lost, false) AS state_lost,
    coalesce(missing, 0) AS missing, coalesce(foreign, 0) AS foreign, coalesce(altered, 0) AS altered
FROM {DRIFTED} LEFT JOIN flagged USING ({keys}) LEFT JOIN lost USING ({keys}) LEFT JOIN seconds USING ({keys})"""


def _effects(ranking: Ranking, keys: str) -> str:
    """What each record of the span did to a sum, and the sums of those with a flag."""
    sums = ",\n    ".join(f"sum({what}) FILTER (WHERE {flag}) AS {flag}_{what}" for flag, what in _FLAGGED)
    return f"""effects AS
(
    {_is(ranking, "amount, 1L AS sales, log_time, untaken, refused, regressed", "NOT deleted")}
    UNION ALL
    {_was(ranking, "-was.amount, -1L, log_time, untaken, refused, regressed")}
),
flagged AS (SELECT {keys}, bool_or(untaken) AS behind,
    {sums}
FROM effects GROUP BY {keys})"""


def _lost(ranking: Ranking, keys: str) -> str:
    """The sums that differ by just what they would if live had forgotten every sale at some moment.

    What it has not taken would be missing whether it has or not.
    """
    return f"""forgotten AS
(
    {_was(ranking, "was.amount AS amount, 1L AS sales, log_time")} AND NOT untaken
    UNION ALL
    {_is(ranking, "-amount, -1L, log_time", "NOT deleted AND followed AND NOT untaken")}
),
since AS
(
    SELECT {keys}, sum(sum(amount)) OVER later AS amount, sum(sum(sales)) OVER later AS sales
    FROM forgotten GROUP BY {keys}, log_time
    WINDOW later AS (PARTITION BY {keys} ORDER BY log_time DESC)
),
lost AS (SELECT DISTINCT {keys}, true AS state_lost FROM since JOIN {DRIFTED} USING ({keys}, amount, sales))"""


def _seconds(keys: str) -> str:
    """How many log seconds of a sum live lacks, has without any record, or has with other figures.

    What live has beyond its committed offsets is in ClickHouse or not: such a second tells nothing.
    """
    return f"""by_second AS
(
    SELECT {keys}, second, sum(told) AS told, sum(kept) AS kept, sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT {keys}, date_trunc('SECOND', log_time) AS second, 1 AS told, 0 AS kept, amount, sales, untaken
        FROM effects WHERE NOT (refused OR regressed)
        UNION ALL
        SELECT {keys}, second, 0, 1, -amount, -sales, false FROM {LIVE}
    )
    GROUP BY {keys}, second HAVING NOT bool_or(untaken) AND (sum(amount) != 0 OR sum(sales) != 0)
),
seconds AS
(
    SELECT {keys}, count_if(kept = 0) AS missing, count_if(told = 0) AS foreign,
        count_if(told > 0 AND kept > 0) AS altered
    FROM by_second GROUP BY {keys}
)"""


def _is(ranking: Ranking, figures: str, condition: str) -> str:
    subject = ", ".join(ranking.subject)
    return (
        f"SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, {subject}, {figures}\n"
        f"    FROM {STEPS} WHERE {condition}"
    )


def _was(ranking: Ranking, figures: str) -> str:
    subject = ", ".join(f"was.{name}" for name in ranking.subject)
    return (
        f"SELECT CAST(from_utc_timestamp(was.occurred_at, :zone) AS date) AS business_day, was.currency, {subject}, "
        f"{figures}\n    FROM {STEPS} WHERE NOT was.deleted"
    )


def refused_by_batch_alone() -> str:
    """The positions of the records in the view `parsed` that live has taken, and should have refused, too."""
    return f"""SELECT p.topic, p.partition, p.offset
FROM {PARSED} AS p
JOIN {TAKEN} AS t ON t.topic = p.topic AND t.partition = p.partition AND p.offset < t.committed
WHERE p.kind = 'rejected'
EXCEPT SELECT topic, partition, offset FROM {REFUSED_BY_LIVE}"""
