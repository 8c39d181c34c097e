"""What a run changes in silver, as Spark SQL: the states that are told, beside what silver held of the same sales."""

from __future__ import annotations

from rankings.render.lake import POSITION_COLUMNS, STATE_COLUMNS
from rankings.render.spark import KNOWN, LATEST, SETTLED, TOUCHED


def touched() -> str:
    """The states of the view `latest` that are later than what the view `known` holds; columns: silver's, `was`, and
    `unsettled`, whether that can't be told by the two alone.

    So it is where records of several partitions tell of the sale, and where the log's clock went back between what
    was held and what is told.
    """
    same = "k.topic = l.topic AND k.partition = l.partition"
    return f"""SELECT *
FROM
(
    SELECT {_told("l")}, {_held("k")} AS was,
        k.source IS NOT NULL
            AND (l.several OR {same} AND (l.offset <= k.offset OR l.log_time < k.log_time)) AS unsettled,
        k.source IS NULL OR {same}
            OR (l.log_time, l.topic, l.partition) > (k.log_time, k.topic, k.partition) AS later
    FROM {LATEST} AS l
    LEFT JOIN {KNOWN} AS k ON k.source = l.source AND k.sale_id = l.sale_id
)
WHERE unsettled OR later"""


def unsettled() -> str:
    """A row if the view `touched` has a state that is not settled."""
    return f"SELECT 1 FROM {TOUCHED} WHERE unsettled LIMIT 1"


def settled() -> str:
    """The view `touched` where there is one: the states of the view `settled` that the view `known` does not hold."""
    is_held = " AND ".join(f"l.{name} = k.{name}" for name in POSITION_COLUMNS)
    return f"""SELECT {_told("l")}, {_held("k")} AS was
FROM {SETTLED} AS l
LEFT JOIN {KNOWN} AS k ON k.source = l.source AND k.sale_id = l.sale_id
WHERE k.source IS NULL OR NOT ({is_held})"""


def _told(state: str) -> str:
    return ", ".join(f"{state}.{name}" for name in STATE_COLUMNS)


def _held(state: str) -> str:
    fields = ", ".join(f"'{name}', {state}.{name}" for name in STATE_COLUMNS)
    return f"CASE WHEN {state}.source IS NOT NULL THEN named_struct({fields}) END"
