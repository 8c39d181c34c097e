"""The rankings as Spark SQL: from the records of the lake to the sums of each ranking.

A reconciliation makes these views one after the other; every query here reads views by the names below and binds, where
it says so, `zone`, the business time zone's name. The session's time zone must be UTC.
"""

from __future__ import annotations

from collections.abc import Iterable

from rankings.contract import MARK_FIELD
from rankings.ranking import Label, Ranking
from rankings.render.lake import BRONZE, SALE_COLUMNS, SALES, STATE_COLUMNS, gold, on_run, version_tag

RECORDS = "records"
"""The records of bronze that a reconciliation reads."""

PARSED = "parsed"
"""What these records say: one row for each that is no mark."""

LATEST = "latest"
"""The latest state that these records tell of each sale; silver's columns, and `several`."""

SETTLED = "settled"
"""The same of these records and of what silver held."""

PLACES = "places"
"""Which of the same sales silver held before, and in which of its partitions: column month, counted from 1970."""

KNOWN = "known"
"""What silver held of the same sales before."""

TOUCHED = "touched"
"""The states that are later than what silver held; `was` is what it held, or null."""

PRESENT = "present"
"""Silver's rows that gold is made of."""

DIFFERENCE = "difference"
"""What a ranking's sums of a version are more than those of another, as the lake holds the two."""

_BEYOND_OFFSETS = 10**19
"""More than any offset, so that a number can tell the log time and then the offset."""

_OFFSETS = "bit_or(shiftleft(1L, CAST(offset % 64 AS int)))"
"""The offsets of 64 neighbours as bits: counts each once, and a shuffle carries a number for all of them."""

_SUMMED = tuple(name for name in SALE_COLUMNS if name != "salesman")


def marks() -> str:
    """The first mark of each partition in a span of log time; binds `since` and `until` (not included)."""
    return f"""SELECT topic, partition, min(log_time) AS log_time
FROM {BRONZE}
WHERE log_time >= :since AND log_time < :until
    AND get_json_object(CAST(payload AS string), '$.{MARK_FIELD}') IS NOT NULL
GROUP BY topic, partition"""


def grown_hours(then: int, now: int) -> str:
    """The hours of log time of which bronze holds other records at one snapshot than at an earlier one: more, or fewer,
    where some were dropped meanwhile, so that others which came would not show.

    Column hour: hours since 1970.
    """
    return f"""SELECT new.partition.log_hour AS hour
FROM {BRONZE}.partitions VERSION AS OF {now:d} AS new
LEFT JOIN {BRONZE}.partitions VERSION AS OF {then:d} AS old ON old.partition.log_hour = new.partition.log_hour
WHERE old.record_count IS NULL OR new.record_count != old.record_count"""


def spans() -> str:
    """What there is of each partition, from the view `records`; a record that stands twice counts once."""
    return f"""SELECT topic, partition, min(first) AS first_offset, max(last) AS last_offset,
    CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT topic, partition, min(offset) AS first, max(offset) AS last, {_OFFSETS} AS bits
      FROM {RECORDS} GROUP BY topic, partition, offset DIV 64)
GROUP BY topic, partition"""


def kinds() -> str:
    """How many records there are of each kind, from the view `parsed`; a record that stands twice counts once."""
    return f"""SELECT kind, CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT kind, {_OFFSETS} AS bits FROM {PARSED} GROUP BY kind, topic, partition, offset DIV 64)
GROUP BY kind"""


LOG_ORDER = "reached, topic, partition, offset"
"""The order of a sale's records, as `latest_state` tells it, with the column `reached`."""


def reached(sale: str) -> str:
    """The column `reached`: how far the log time of a sale's records had come in their partition.

    Args:
        sale: the columns that tell sales apart.
    """
    return f"max(log_time) OVER (PARTITION BY {sale}, topic, partition ORDER BY offset) AS reached"


def latest_state(*, with_held: bool = False) -> str:
    """The latest state of each sale, from the view `parsed`; silver's columns, and `several`, whether records of
    several partitions tell of it.

    The log's order counts: within a partition the offset; between partitions (a key is in one, unless a topic was
    given more) the log time that the sale's records in each have reached, then the position. So it does not matter
    which of the records are looked at first, even where the log's clock went back.

    Args:
        with_held: whether what silver held, from the view `known`, counts among the records.
    """
    state = ", ".join(("kind = 'deletion' AS deleted", *SALE_COLUMNS))
    fields = ", ".join(("deleted", *SALE_COLUMNS))
    held = f"\n              UNION ALL SELECT {', '.join(STATE_COLUMNS)} FROM {KNOWN}" if with_held else ""
    return f"""SELECT source, sale_id, found.last.*, found.log_time, several
FROM
(
    SELECT source, sale_id, count(*) > 1 AS several,
        max_by(struct(last, log_time), struct(log_time, last.topic, last.partition)) AS found
    FROM
    (
        SELECT source, sale_id, max(log_time) AS log_time,
            max_by(struct({fields}, topic, partition, offset), offset) AS last
        FROM (SELECT source, sale_id, {state}, topic, partition, offset, log_time FROM {PARSED}
              WHERE kind IN ('sale', 'deletion'){held} DISTRIBUTE BY source, sale_id)
        GROUP BY source, sale_id, topic, partition
    )
    GROUP BY source, sale_id
)"""


def places(older: int, ranges: int) -> str:
    """The sales of the view `latest` that silver held as of version `older`, and the months that it keeps them in.

    Only keys are read of what silver holds. A sale that was deleted has no month.

    Args:
        older: the version.
        ranges: in so many ranges, bound as `first0`, `last0` and so on, lie the ids of these sales: what holds none of
            them, files and groups of rows within files, is not read. 0 if they may lie anywhere.
    """
    return f"""SELECT held.source, held.sale_id, held._partition.occurred_at_month AS month
FROM {SALES} VERSION AS OF '{version_tag(older)}' AS held
JOIN (SELECT source, sale_id FROM {LATEST}) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE {_in_ranges(ranges)}"""


def _in_ranges(ranges: int) -> str:
    return " OR ".join(f"held.sale_id BETWEEN :first{number} AND :last{number}" for number in range(ranges)) or "true"


def months() -> str:
    """The months of the view `places`."""
    return f"SELECT DISTINCT month FROM {PLACES}"


def known(older: int, months: Iterable[int | None], ranges: int) -> str:
    """What silver held as of version `older` of the sales in the view `places`, which lie in these months and,
    as there, in these ranges.
    """
    return f"""SELECT held.*
FROM {SALES} VERSION AS OF '{version_tag(older)}' AS held
JOIN (SELECT source, sale_id FROM {PLACES}) AS told ON held.source = told.source AND held.sale_id = told.sale_id
WHERE {in_months("held.occurred_at", months)} AND ({_in_ranges(ranges)})"""


def in_months(column: str, months: Iterable[int | None]) -> str:
    """Whether a day or a time of UTC lies in one of some months, counted from 1970, so that the others' files need not
    be opened; None is no time.

    >>> in_months("at", [671, 672, None])
    "((at >= DATE '2025-12-01' AND at < DATE '2026-02-01') OR at IS NULL)"
    >>> in_months("at", [])
    '(false)'
    """
    found = set(months)
    numbers = sorted(month for month in found if month is not None)
    begins = [month for month in numbers if month - 1 not in found]
    ends = [month + 1 for month in numbers if month + 1 not in found]
    parts = [
        f"({column} >= {_first_of(begin)} AND {column} < {_first_of(end)})"
        for begin, end in zip(begins, ends, strict=True)
    ]
    nowhere = [f"{column} IS NULL"] if None in found else []
    return f"({' OR '.join((*parts, *nowhere)) or 'false'})"


def _first_of(month: int) -> str:
    """The first day of a month, counted from 1970."""
    return f"DATE '{1970 + month // 12:04d}-{month % 12 + 1:02d}-01'"


def drop_older(version: int, months: Iterable[int | None], ranges: int) -> str:
    """Takes what silver held of the sales of the view `touched` out of the branch of a version's run.

    Args:
        version: the version.
        months: where silver keeps it.
        ranges: in so many ranges lie their ids, as in `places`.
    """
    return f"""DELETE FROM {on_run(SALES, version)} AS held
WHERE {in_months("held.occurred_at", months)} AND ({_in_ranges(ranges)}) AND EXISTS
    (SELECT 1 FROM {TOUCHED} AS told
     WHERE told.was IS NOT NULL AND told.source = held.source AND told.sale_id = held.sale_id)"""


def newer(states: str = TOUCHED) -> str:
    """States of a view or query, as silver keeps them."""
    return f"SELECT {', '.join(STATE_COLUMNS)} FROM {states}"


def changed() -> str:
    """One row: what the view `touched` changes; binds `zone`.

    Columns: by how much more sales exist and are known as deleted (`sales`, `deleted`); the business days whose sums
    change, where sales were and where they are (`old_days`, `new_days`).
    """
    day, was_day = _business_day("occurred_at"), _business_day("was.occurred_at")
    same = " AND ".join(f"{name} <=> was.{name}" for name in ("deleted", *_SUMMED))
    return f"""SELECT count_if(NOT deleted) - count_if(NOT was.deleted) AS sales,
    count_if(deleted) - count_if(was.deleted) AS deleted,
    collect_set(CASE WHEN NOT deleted AND NOT (was IS NOT NULL AND {same}) THEN {day} END) AS new_days,
    collect_set(CASE WHEN NOT was.deleted AND NOT ({same}) THEN {was_day} END) AS old_days
FROM {TOUCHED}"""


def _business_day(column: str) -> str:
    return f"CAST(from_utc_timestamp({column}, :zone) AS date)"


def states(table: str = SALES) -> str:
    """How many sales exist, and how many are known as deleted."""
    return f"SELECT count_if(NOT deleted) AS sales, count_if(deleted) AS deleted FROM {table}"


def refused() -> str:
    """The records that the contract refuses, each once, from the view `parsed`."""
    firsts = ", ".join(f"first({name}) AS {name}" for name in ("log_time", "field", "reason", "key", "payload"))
    return (
        f"SELECT topic, partition, offset, {firsts}\n"
        f"FROM {PARSED} WHERE kind = 'rejected' GROUP BY topic, partition, offset"
    )


def sums(ranking: Ranking) -> str:
    """A ranking's sums over the sales of the view `present`; binds `zone`."""
    keys = ", ".join(ranking.sum_key)
    subject = ", ".join(ranking.subject)
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT {_business_day("occurred_at")} AS business_day, currency, {subject},
        {ranking.measure.column} AS amount
    FROM {PRESENT}
    WHERE NOT deleted
)
GROUP BY {keys}"""


def moved(ranking: Ranking, base: int, months: Iterable[int]) -> str:
    """A ranking's sums of some months as version `base` held them, and what the view `touched` changes in them: each
    sale takes its figures away where it was and adds them where it is; binds `zone`.
    """
    keys = ", ".join(ranking.sum_key)
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    SELECT {keys}, amount, sales
    FROM {gold(ranking)} VERSION AS OF '{version_tag(base)}'
    WHERE {in_months("business_day", months)}
    UNION ALL
    {_moves(ranking, "", 1)}
    UNION ALL
    {_moves(ranking, "was.", -1)}
)
GROUP BY {keys}
HAVING sum(sales) != 0"""


def _moves(ranking: Ranking, where: str, sign: int) -> str:
    subject = ", ".join(f"{where}{name} AS {name}" for name in ranking.subject)
    return f"""SELECT {_business_day(f"{where}occurred_at")} AS business_day, {where}currency AS currency, {subject},
        CAST({sign} * {where}{ranking.measure.column} AS decimal(38, 2)) AS amount, {sign}L AS sales
    FROM {TOUCHED} WHERE NOT {where}deleted"""


def difference(ranking: Ranking, version: int, base: int | None) -> str:
    """What a ranking's sums of a version are more than those of version `base`, or than nothing.

    Binds `first` and `last`, the business days that are looked at. Columns: the sum key, amount and sales of the
    difference, `now_amount` and `now_sales` of the version.
    """
    keys = ", ".join(ranking.sum_key)
    days = "WHERE business_day BETWEEN :first AND :last"
    held = f"{gold(ranking)} VERSION AS OF '{version_tag(version)}' {days}"
    if base is None:
        return f"SELECT {keys}, amount, sales, amount AS now_amount, sales AS now_sales FROM {held}"
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(now_amount) AS decimal(38, 2)) AS now_amount, sum(now_sales) AS now_sales
FROM
(
    SELECT {keys}, amount, sales, amount AS now_amount, sales AS now_sales FROM {held}
    UNION ALL
    SELECT {keys}, -amount, -sales, CAST(0 AS decimal(38, 2)), 0L
    FROM {gold(ranking)} VERSION AS OF '{version_tag(base)}' {days}
)
GROUP BY {keys}
HAVING sum(amount) != 0 OR sum(sales) != 0"""


def checksum(ranking: Ranking, table: str) -> str:
    """One row: how many sums a table holds, and the sum of their hashes, which does not depend on their order.

    A row's text is its columns joined by U+001F, which the contract keeps out of every text.
    """
    return f"""SELECT count(*) AS rows, {_summed("hash")} AS checksum
FROM
(
    SELECT {_hash(ranking, "amount", "sales")} AS hash
    FROM {table}
)"""


def checksums_of_difference(ranking: Ranking) -> str:
    """One row: the checksum of the view `difference`, and by what it changes that of all sums.

    Columns: `rows` and `checksum` as `checksum` tells them, `more_rows` and `more_checksum`, which may be negative.
    """
    was = "CAST(now_amount - amount AS decimal(38, 2))", "now_sales - sales"
    return f"""SELECT count(*) AS rows, {_summed("hash")} AS checksum,
    count(now) - count(was) AS more_rows, {_summed("now")} - {_summed("was")} AS more_checksum
FROM
(
    SELECT {_hash(ranking, "amount", "sales")} AS hash,
        CASE WHEN now_sales != 0 THEN {_hash(ranking, "now_amount", "now_sales")} END AS now,
        CASE WHEN now_sales != sales THEN {_hash(ranking, *was)} END AS was
    FROM {DIFFERENCE}
)"""


def _hash(ranking: Ranking, amount: str, sales: str) -> str:
    text = ", ".join(f"CAST({name} AS string)" for name in (*ranking.sum_key, amount, sales))
    return f"CAST(conv(substr(sha2(concat_ws('\\u001f', {text}), 256), 1, 15), 16, 10) AS bigint)"


def _summed(hashes: str) -> str:
    return f"coalesce(sum(CAST({hashes} AS decimal(38, 0))), 0)"


def totals(ranking: Ranking, version: int) -> str:
    """The sum of all amounts of a version, without signs, and of its sales, by currency."""
    return (
        f"SELECT currency, sum(abs(amount)) AS amount, sum(sales) AS sales\nFROM {gold(ranking)} "
        f"VERSION AS OF '{version_tag(version)}' GROUP BY currency"
    )


def names(label: Label) -> str:
    """The name last seen for each key, from the view `parsed`; columns label, key, name, seen_at."""
    # Of each name first, by numbers alone: those Spark keeps in a hash table, a struct would have it sort every record.
    return f"""SELECT '{label.column}' AS label, key, last.name AS name, last.seen_at AS seen_at
FROM
(
    SELECT key, max_by(struct(name, seen_at), struct(seen_at, topic, partition, place)) AS last
    FROM
    (
        SELECT {label.key} AS key, {label.column} AS name, topic, partition, max(log_time) AS seen_at,
            max(CAST(unix_micros(log_time) AS decimal(19, 0)) * {_BEYOND_OFFSETS} + offset) AS place
        FROM {PARSED}
        WHERE kind = 'sale' AND {label.column} IS NOT NULL
        GROUP BY {label.key}, {label.column}, topic, partition
    )
    GROUP BY key
)"""
