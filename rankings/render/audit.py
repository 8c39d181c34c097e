"""The lake compared with the source database: the query for PostgreSQL, and the comparison as Spark SQL."""

from __future__ import annotations

from rankings.render.lake import POSITION_COLUMNS, SALE_COLUMNS, SALES
from rankings.render.postgres import SALES_TABLE
from rankings.render.spark import LOG_ORDER, PARSED, reached

SOURCE = "source_rows"
"""The view of the source's rows at one moment."""

CANDIDATES = "candidates"
"""The view of the states that the log tells of each sale about that moment: sale_id, deleted, its columns, is_last."""

PARTS = 4
"""How many parts the source's table is read in."""


def source_rows() -> str:
    """The source's rows as a subquery of PostgreSQL, with text as the contract keeps it; column `part` from 0."""
    texts = ", ".join(
        rf"normalize(btrim({name}::text, E' \t\r\n'), NFC) AS {name}"
        for name in ("sale_id", "country", "city", "salesman_id", "salesman", "currency")
    )
    return (
        f"(SELECT {texts}, occurred_at, amount::numeric(18, 2) AS amount, "
        f"abs(hashtext(sale_id) % {PARTS}) AS part FROM {SALES_TABLE}) AS told"
    )


def readable() -> str:
    """No row: an error where the source's rows can't be asked for."""
    return f"SELECT 1 FROM {source_rows()} LIMIT 0"


def candidates() -> str:
    """The view `candidates`; binds `topic` and `since`, the beginning of the time that counts as the moment.

    A sale's last state before, and all that the log tells since: the source's row has to be one of them.
    """
    columns, position = ", ".join(SALE_COLUMNS), ", ".join(POSITION_COLUMNS)
    return f"""SELECT sale_id, deleted, {columns}, next_time IS NULL AS is_last
FROM
(
    SELECT *, lead(log_time) OVER (PARTITION BY sale_id ORDER BY is_new, {LOG_ORDER}) AS next_time
    FROM
    (
        SELECT *, {reached("sale_id, is_new")}
        FROM
        (
            SELECT sale_id, deleted, {columns}, {position}, 0 AS is_new
            FROM {SALES} WHERE topic = :topic
            UNION
            SELECT sale_id, kind = 'deletion', {columns}, {position}, 1
            FROM {PARSED} WHERE topic = :topic AND kind IN ('sale', 'deletion')
        )
    )
)
WHERE next_time IS NULL OR next_time >= :since"""


def differing() -> str:
    """The sales that the source has otherwise than any candidate; columns sale_id, `source` and `log` (structs)."""
    same = " AND ".join(f"c.{name} <=> s.{name}" for name in SALE_COLUMNS)
    fields = ", ".join(SALE_COLUMNS)
    return f"""SELECT s.sale_id, struct({", ".join(f"s.{name}" for name in SALE_COLUMNS)}) AS source, l.last AS log
FROM {SOURCE} AS s
LEFT ANTI JOIN {CANDIDATES} AS c ON c.sale_id = s.sale_id AND NOT c.deleted AND {same}
LEFT JOIN (SELECT sale_id, max_by(struct({fields}), NOT deleted) AS last FROM {CANDIDATES} GROUP BY sale_id) AS l
    ON l.sale_id = s.sale_id
UNION ALL
SELECT c.sale_id, NULL, max_by(struct({fields}), NOT deleted)
FROM {CANDIDATES} AS c LEFT ANTI JOIN {SOURCE} AS s ON s.sale_id = c.sale_id
GROUP BY c.sale_id HAVING NOT bool_or(c.deleted)
ORDER BY sale_id"""


def days() -> str:
    """Counts and sums per business day and currency of the source and of the log, where they differ; binds `zone`."""
    day = "CAST(from_utc_timestamp(occurred_at, :zone) AS date)"
    return f"""SELECT business_day, currency, sum(source_sales) AS source_sales, sum(source_amount) AS source_amount,
    sum(log_sales) AS log_sales, sum(log_amount) AS log_amount
FROM
(
    SELECT {day} AS business_day, currency, 1L AS source_sales, amount AS source_amount,
        0L AS log_sales, 0 AS log_amount
    FROM {SOURCE}
    UNION ALL
    SELECT {day}, currency, 0L, 0, 1L, amount FROM {CANDIDATES} WHERE NOT deleted AND is_last
)
GROUP BY business_day, currency
HAVING sum(source_sales) != sum(log_sales) OR sum(source_amount) != sum(log_amount)
ORDER BY business_day, currency"""
