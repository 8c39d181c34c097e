"""The history as Spark SQL: the lake's tables, the latest state of each sale, the sums, and their differences.

Texts name the views and tables they read; the only value they bind is `zone`, the business time zone's name. The
session's time zone must be UTC.
"""

from __future__ import annotations

from rankings.contract import MARK_FIELD
from rankings.ranking import Label, Ranking

BRONZE = "lake.bronze.log"
"""The log as it came."""

SALES = "lake.silver.sales"
"""The latest state of every sale there ever was, deleted ones too."""

QUARANTINE = "lake.silver.quarantine"
"""The records that the contract refuses."""

RECORDS = "records"
"""The view of bronze's records before the boundary."""

PARSED = "parsed"
"""The view of what the records of the log say: one row for each that is no mark."""

SALE_COLUMNS = ("occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency")
POSITION_COLUMNS = ("topic", "partition", "offset", "log_time")

_SALE_TYPES = """occurred_at timestamp COMMENT 'when it happened',
    country string, city string, salesman_id string, salesman string,
    amount decimal(18, 2), currency string"""
_POSITION_TYPES = """topic string COMMENT 'position of the record in the log', partition int, offset bigint,
    log_time timestamp COMMENT 'when the log took the record'"""

PARSED_SCHEMA = f"""{_POSITION_TYPES},
    kind string COMMENT 'sale, deletion, mark or rejected',
    source string, sale_id string, {_SALE_TYPES},
    field string, reason string, key binary, payload binary"""
"""The columns of `parsed`, as DDL: the sale's are null unless it is a sale, the last four unless it is refused."""

_TYPES = {"business_day": "date"}


def gold(ranking: Ranking) -> str:
    """The full name of a ranking's table of sums."""
    return f"lake.gold.{ranking.gold_table}"


def version_tag(version: int) -> str:
    """The tag of a version's snapshot in the tables of silver and gold."""
    return f"v{version:d}"


def ddl(among: tuple[Ranking, ...]) -> list[str]:
    """Every statement that makes the lake's tables behind bronze, each safe to run again."""
    spaces = [f"CREATE NAMESPACE IF NOT EXISTS lake.{name}" for name in ("silver", "gold")]
    return [*spaces, _sales_table(), _quarantine_table(), *map(_gold_table, among)]


def _sales_table() -> str:
    return f"""CREATE TABLE IF NOT EXISTS {SALES}
(
    source string, sale_id string,
    deleted boolean COMMENT 'whether its last record said that it is gone; then only key and position are known',
    {_SALE_TYPES},
    {_POSITION_TYPES}
)
USING iceberg COMMENT 'The latest state of every sale, with the position of the record that told it'"""


def _quarantine_table() -> str:
    return f"""CREATE TABLE IF NOT EXISTS {QUARANTINE}
(
    {_POSITION_TYPES},
    field string COMMENT 'the field that is wrong; null where the payload as a whole is',
    reason string COMMENT 'what was wrong, what came, what is valid',
    key binary, payload binary
)
USING iceberg COMMENT 'Records that the contract refuses, each with its position and the reason'"""


def _gold_table(ranking: Ranking) -> str:
    columns = ", ".join(f"{name} {_TYPES.get(name, 'string')}" for name in ranking.sum_key)
    return f"""CREATE TABLE IF NOT EXISTS {gold(ranking)}
(
    {columns},
    amount decimal(38, 2) COMMENT 'sum over the sales that exist',
    sales bigint COMMENT 'how many they are'
)
USING iceberg COMMENT '{ranking.title}: the whole history summed'"""


def marks() -> str:
    """The first mark of each partition in a span of log time; binds `since` and `until` (not included)."""
    return f"""SELECT topic, partition, min(log_time) AS log_time
FROM {BRONZE}
WHERE log_time >= :since AND log_time < :until
    AND get_json_object(CAST(payload AS string), '$.{MARK_FIELD}') IS NOT NULL
GROUP BY topic, partition"""


def spans() -> str:
    """What there is of each partition, from the view `records`; a record that stands twice counts once."""
    return f"""SELECT topic, partition, min(offset) AS first_offset, max(offset) AS last_offset,
    count(DISTINCT offset) AS records
FROM {RECORDS}
GROUP BY topic, partition
ORDER BY topic, partition"""


def kinds() -> str:
    """How many records there are of each kind, from the view `parsed`; a record that stands twice counts once."""
    return f"SELECT kind, count(DISTINCT topic, partition, offset) AS records FROM {PARSED} GROUP BY kind"


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


def states() -> str:
    """How many sales exist, and how many are known as deleted."""
    return f"SELECT count_if(NOT deleted) AS sales, count_if(deleted) AS deleted FROM {SALES}"


def refused() -> str:
    """The records that the contract refuses, each once, from the view `parsed`."""
    return (
        "SELECT topic, partition, offset, first(log_time) AS log_time, first(field) AS field, first(reason) AS reason, "
        "first(key) AS key, first(payload) AS payload\n"
        f"FROM {PARSED} WHERE kind = 'rejected' GROUP BY topic, partition, offset"
    )


def sums(ranking: Ranking) -> str:
    """A ranking's sums over the sales that exist, from silver; binds `zone`."""
    keys = ", ".join(ranking.sum_key)
    subject = ", ".join(ranking.subject)
    return f"""SELECT {keys}, CAST(sum(amount) AS decimal(38, 2)) AS amount, count(*) AS sales
FROM
(
    SELECT CAST(from_utc_timestamp(occurred_at, :zone) AS date) AS business_day, currency, {subject},
        {ranking.measure.column} AS amount
    FROM {SALES}
    WHERE NOT deleted
)
GROUP BY {keys}"""


def difference(ranking: Ranking, base: int | None) -> str:
    """What a ranking's sums have become since version `base`, or since nothing; without those that are as before."""
    keys = ", ".join(ranking.sum_key)
    now = f"SELECT {keys}, amount, sales FROM {gold(ranking)}"
    if base is None:
        return now
    return f"""SELECT {keys}, sum(amount) AS amount, sum(sales) AS sales
FROM
(
    {now}
    UNION ALL
    SELECT {keys}, -amount, -sales FROM {gold(ranking)} VERSION AS OF '{version_tag(base)}'
)
GROUP BY {keys}
HAVING sum(amount) != 0 OR sum(sales) != 0"""


def checksum(ranking: Ranking) -> str:
    """One row: how many sums there are, and the sum of their hashes, which does not depend on their order.

    A row's text is its columns joined by U+001F, which the contract keeps out of every text.
    """
    text = ", ".join(f"CAST({name} AS string)" for name in (*ranking.sum_key, "amount", "sales"))
    return f"""SELECT count(*) AS rows, coalesce(sum(CAST(hash AS decimal(38, 0))), 0) AS checksum
FROM
(
    SELECT CAST(conv(substr(sha2(concat_ws('\\u001f', {text}), 256), 1, 15), 16, 10) AS bigint) AS hash
    FROM {gold(ranking)}
)"""


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


def refs(table: str) -> str:
    """A table's branches and tags; columns name, snapshot_id."""
    return f"SELECT name, snapshot_id FROM {table}.refs"


def set_tag(table: str, version: int) -> str:
    """Names a table's current snapshot after a version."""
    return f"ALTER TABLE {table} CREATE OR REPLACE TAG `{version_tag(version)}`"


def drop_tag(table: str, version: int) -> str:
    """Takes a version's name from its snapshot."""
    return f"ALTER TABLE {table} DROP TAG `{version_tag(version)}`"
