"""The rankings as Spark SQL: from the records of the lake to the sums of each ranking.

A reconciliation makes these views one after the other; every query here reads views by the names below and binds, where
it says so, `zone`, the business time zone's name. The session's time zone must be UTC.
"""

from __future__ import annotations

from rankings.contract import MARK_FIELD
from rankings.ranking import Label, Ranking
from rankings.render.lake import BRONZE, SALE_COLUMNS, SALES, STATE_COLUMNS, gold, on_run, version_tag

RECORDS = "records"
"""The records of bronze that a reconciliation reads."""

PARSED = "parsed"
"""What these records say: one row for each that is no mark."""

LATEST = "latest"
"""The latest state that these records tell of each sale; silver's columns."""

KNOWN = "known"
"""What silver held of the same sales before."""

TOUCHED = "touched"
"""The states that are later than what silver held; `was` is what it held, or null."""

PRESENT = "present"
"""Silver's rows that gold is made of."""

CHANGED_DAYS = "changed_days"
"""The business days whose sums may have changed: column business_day."""

CHANGES = "changes"
"""A ranking's sums that have changed: their new amount and sales, and what these are more than the old ones."""

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
    """The hours of log time of which bronze holds more records at one snapshot than at an earlier one.

    Column hour: hours since 1970.
    """
    return f"""SELECT new.partition.log_hour AS hour
FROM {BRONZE}.partitions VERSION AS OF {now:d} AS new
LEFT JOIN {BRONZE}.partitions VERSION AS OF {then:d} AS old ON old.partition.log_hour = new.partition.log_hour
WHERE old.record_count IS NULL OR new.record_count > old.record_count"""


def spans() -> str:
    """What there is of each partition, from the view `records`; a record that stands twice counts once."""
    return f"""SELECT topic, partition, min(first) AS first_offset, max(last) AS last_offset,
    CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT topic, partition, min(offset) AS first, max(offset) AS last, {_OFFSETS} AS bits
      FROM {RECORDS} GROUP BY topic, partition, offset DIV 64)
GROUP BY topic, partition
ORDER BY topic, partition"""


def kinds() -> str:
    """How many records there are of each kind, from the view `parsed`; a record that stands twice counts once."""
    return f"""SELECT kind, CAST(sum(bit_count(bits)) AS bigint) AS records
FROM (SELECT kind, {_OFFSETS} AS bits FROM {PARSED} GROUP BY kind, topic, partition, offset DIV 64)
GROUP BY kind"""


def latest_state() -> str:
    """The latest state of each sale, from the view `parsed`.

    The log's order counts: within a partition the offset, between partitions (a key is in one, unless a topic was
    given more) the log time, then the position.
    """
    state = ", ".join(("kind = 'deletion' AS deleted", *SALE_COLUMNS))
    fields = ", ".join(("deleted", *SALE_COLUMNS))
    return f"""SELECT source, sale_id, last.*
FROM
(
    SELECT source, sale_id, max_by(last, struct(last.log_time, last.topic, last.partition)) AS last
    FROM
    (
        SELECT source, sale_id, max_by(struct({fields}, topic, partition, offset, log_time), offset) AS last
        FROM (SELECT source, sale_id, {state}, topic, partition, offset, log_time FROM {PARSED}
              WHERE kind IN ('sale', 'deletion') DISTRIBUTE BY source, sale_id)
        GROUP BY source, sale_id, topic, partition
    )
    GROUP BY source, sale_id
)"""


def known(older: int) -> str:
    """What silver held as of version `older` of the sales in the view `latest`."""
    return f"""SELECT held.*
FROM {SALES} VERSION AS OF '{version_tag(older)}' AS held
JOIN (SELECT source, sale_id FROM {LATEST}) AS told ON held.source = told.source AND held.sale_id = told.sale_id"""


def touched() -> str:
    """The states of the view `latest` that are later than what the view `known` holds; columns: silver's, and `was`."""
    was = ", ".join(f"'{name}', k.{name}" for name in STATE_COLUMNS)
    return f"""SELECT l.*, CASE WHEN k.source IS NOT NULL THEN named_struct({was}) END AS was
FROM {LATEST} AS l
LEFT JOIN {KNOWN} AS k ON k.source = l.source AND k.sale_id = l.sale_id
WHERE k.source IS NULL OR CASE
    WHEN k.topic = l.topic AND k.partition = l.partition THEN l.offset > k.offset
    ELSE (l.log_time, l.topic, l.partition) > (k.log_time, k.topic, k.partition)
END"""


def update_silver() -> str:
    """Puts the later states of the sales that silver holds in the place of the older ones, on the branch `run`."""
    columns = ", ".join(STATE_COLUMNS)
    return f"""MERGE INTO {on_run(SALES)} AS held
USING (SELECT {columns} FROM {TOUCHED} WHERE was IS NOT NULL) AS told
ON held.source = told.source AND held.sale_id = told.sale_id
WHEN MATCHED THEN UPDATE SET *"""


def new_in_silver() -> str:
    """The states of the sales that silver does not hold yet."""
    return f"SELECT {', '.join(STATE_COLUMNS)} FROM {TOUCHED} WHERE was IS NULL"


def changed_days() -> str:
    """The business days whose sums the view `touched` changes: where sales were, and where they are; binds `zone`."""
    day, was_day = _business_day("occurred_at"), _business_day("was.occurred_at")
    same = " AND ".join(f"{name} <=> was.{name}" for name in ("deleted", *_SUMMED))
    return f"""SELECT {day} AS business_day FROM {TOUCHED} WHERE NOT deleted AND NOT (was IS NOT NULL AND {same})
UNION
SELECT {was_day} AS business_day FROM {TOUCHED} WHERE NOT was.deleted AND NOT ({same})"""


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


def sums(ranking: Ranking, *, of_days: bool = False) -> str:
    """A ranking's sums over the sales of the view `present`, or over those of the view `changed_days`; binds `zone`."""
    keys = ", ".join(ranking.sum_key)
    subject = ", ".join(ranking.subject)
    days = f"\nWHERE business_day IN (SELECT business_day FROM {CHANGED_DAYS})" if of_days else ""
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT {_business_day("occurred_at")} AS business_day, currency, {subject},
        {ranking.measure.column} AS amount
    FROM {PRESENT}
    WHERE NOT deleted
){days}
GROUP BY {keys}"""


def changes(ranking: Ranking, base: int | None, *, of_days: bool = False) -> str:
    """How a ranking's sums have changed since version `base`, or since nothing; binds `zone`.

    Columns: the sum key, amount and sales as they are, amount_change and sales_change. With `of_days`, only the days of
    the view `changed_days` are looked at.
    """
    keys = ", ".join(ranking.sum_key)
    days = f" WHERE business_day IN (SELECT business_day FROM {CHANGED_DAYS})" if of_days else ""
    before = (
        ""
        if base is None
        else f"""
    UNION ALL
    SELECT {keys}, CAST(0 AS decimal(38, 2)), 0L, -amount, -sales
    FROM {gold(ranking)} VERSION AS OF '{version_tag(base)}'{days}"""
    )
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales,
    CAST(sum(amount_change) AS decimal(38, 2)) AS amount_change, sum(sales_change) AS sales_change
FROM
(
    SELECT {keys}, amount, sales, amount AS amount_change, sales AS sales_change
    FROM (
{sums(ranking, of_days=of_days)}
    ){before}
)
GROUP BY {keys}
HAVING sum(amount_change) != 0 OR sum(sales_change) != 0"""


def changes_by_moves(ranking: Ranking, older: int) -> str:
    """As `changes` since version `older`, but from the view `touched`: what each sale takes away where it was and adds
    where it is; binds `zone`.
    """
    keys = ", ".join(ranking.sum_key)
    same = " AND ".join(f"held.{name} = moved.{name}" for name in ranking.sum_key)
    moved = ", ".join(f"moved.{name}" for name in ranking.sum_key)
    return f"""SELECT {moved}, CAST(coalesce(held.amount, 0) + amount_change AS decimal(38, 2)) AS amount,
    coalesce(held.sales, 0) + sales_change AS sales, amount_change, sales_change
FROM
(
    SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount_change, sum(sales) AS sales_change
    FROM ({_moves(ranking, "", 1)} UNION ALL {_moves(ranking, "was.", -1)})
    GROUP BY {keys}
    HAVING sum(amount) != 0 OR sum(sales) != 0
) AS moved
LEFT JOIN {gold(ranking)} VERSION AS OF '{version_tag(older)}' AS held ON {same}"""


def _moves(ranking: Ranking, where: str, sign: int) -> str:
    subject = ", ".join(f"{where}{name} AS {name}" for name in ranking.subject)
    return f"""SELECT {_business_day(f"{where}occurred_at")} AS business_day, {where}currency AS currency, {subject},
        {sign} * {where}{ranking.measure.column} AS amount, {sign}L AS sales
    FROM {TOUCHED} WHERE NOT {where}deleted"""


def update_gold(ranking: Ranking) -> str:
    """Brings the view `changes` into a ranking's sums, on the branch `run`; binds `first` and `last`, its days."""
    same = " AND ".join(f"held.{name} = new.{name}" for name in ranking.sum_key)
    columns = ", ".join((*ranking.sum_key, "amount", "sales"))
    values = ", ".join(f"new.{name}" for name in (*ranking.sum_key, "amount", "sales"))
    return f"""MERGE INTO {on_run(gold(ranking))} AS held
USING {CHANGES} AS new
ON {same} AND held.business_day BETWEEN :first AND :last
WHEN MATCHED AND new.sales = 0 THEN DELETE
WHEN MATCHED THEN UPDATE SET held.amount = new.amount, held.sales = new.sales
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"""


def difference(ranking: Ranking, version: int, base: int | None) -> str:
    """What a ranking's sums of a version are more than those of version `base`, or than nothing.

    Binds `first` and `last`, the business days that are looked at.
    """
    keys = ", ".join(ranking.sum_key)
    days = "WHERE business_day BETWEEN :first AND :last"
    now = f"SELECT {keys}, amount, sales FROM {gold(ranking)} VERSION AS OF '{version_tag(version)}' {days}"
    if base is None:
        return now
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, sum(sales) AS sales
FROM
(
    {now}
    UNION ALL
    SELECT {keys}, -amount, -sales FROM {gold(ranking)} VERSION AS OF '{version_tag(base)}' {days}
)
GROUP BY {keys}
HAVING sum(amount) != 0 OR sum(sales) != 0"""


def checksum(ranking: Ranking, table: str) -> str:
    """One row: how many sums a table holds, and the sum of their hashes, which does not depend on their order.

    A row's text is its columns joined by U+001F, which the contract keeps out of every text.
    """
    text = ", ".join(f"CAST({name} AS string)" for name in (*ranking.sum_key, "amount", "sales"))
    return f"""SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\\u001f', {text}), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM {table}
)"""


def totals(ranking: Ranking, version: int) -> str:
    """The sum of all amounts of a version, without signs, by currency."""
    return (
        f"SELECT currency, sum(abs(amount)) AS amount FROM {gold(ranking)} VERSION AS OF '{version_tag(version)}' "
        "GROUP BY currency"
    )


def names(label: Label) -> str:
    """The name last seen for each key, from the view `parsed`; columns label, key, name, seen_at."""
    last = f"struct({label.column} AS name, log_time)"
    return f"""SELECT '{label.column}' AS label, key, last.name AS name, last.log_time AS seen_at
FROM
(
    SELECT {label.key} AS key, max_by({last}, struct(log_time, topic, partition, offset)) AS last
    FROM {PARSED}
    WHERE kind = 'sale' AND {label.column} IS NOT NULL
    GROUP BY {label.key}
)"""
