"""Two versions of the lake compared, as Spark SQL: which subjects changed, and by which sales."""

from __future__ import annotations

from rankings.ranking import Ranking
from rankings.render.lake import SALE_COLUMNS, SALES, gold, version_tag

SUBJECTS = "subjects"
"""The view of the subjects whose sales are looked for: currency and the subject's columns."""

_COMPARED = tuple(name for name in SALE_COLUMNS if name != "salesman")


def subjects(ranking: Ranking, version: int, older: int) -> str:
    """The subjects whose totals differ between two versions, those that differ most first; binds `most`.

    Columns: currency, the subject's columns, amount and sales in `older` and in `version`.
    """
    keys = ", ".join(("currency", *ranking.subject))
    return f"""SELECT {keys}, was_amount, was_sales, amount, sales
FROM
(
    SELECT {keys}, sum(was_amount) AS was_amount, sum(was_sales) AS was_sales,
        sum(amount) AS amount, sum(sales) AS sales
    FROM
    (
        SELECT {keys}, 0 AS was_amount, 0L AS was_sales, amount, sales
        FROM {gold(ranking)} VERSION AS OF '{version_tag(version)}'
        UNION ALL
        SELECT {keys}, amount, sales, 0, 0L FROM {gold(ranking)} VERSION AS OF '{version_tag(older)}'
    )
    GROUP BY {keys}
)
WHERE amount != was_amount OR sales != was_sales
ORDER BY abs(amount - was_amount) DESC, {keys}
LIMIT :most"""


def sales(ranking: Ranking, version: int, older: int) -> str:
    """The sales that make up these differences, from the view `subjects`.

    Columns: source, sale_id, `was` and `now` (structs of what the sale was and is; null where it does not exist).
    """
    fields = ", ".join(f"'{name}', {{side}}.{name}" for name in _COMPARED)
    was, now = (
        f"CASE WHEN NOT {side}.deleted THEN named_struct({fields.format(side=side)}) END" for side in ("a", "b")
    )
    of_subject = " OR ".join(
        f"({' AND '.join(f'{side}.{name} = s.{name}' for name in ('currency', *ranking.subject))})"
        for side in ("was", "now")
    )
    return f"""SELECT DISTINCT source, sale_id, was, now
FROM
(
    SELECT coalesce(a.source, b.source) AS source, coalesce(a.sale_id, b.sale_id) AS sale_id,
        {was} AS was,
        {now} AS now
    FROM {SALES} VERSION AS OF '{version_tag(older)}' AS a
    FULL OUTER JOIN {SALES} VERSION AS OF '{version_tag(version)}' AS b ON a.source = b.source AND a.sale_id = b.sale_id
)
JOIN {SUBJECTS} AS s ON {of_subject}
WHERE NOT was <=> now
ORDER BY source, sale_id"""
