"""The rankings as ClickHouse SQL: tables of deltas, and the query that merges history and live into one answer.

Identifiers come from the checked definitions alone; everything that a caller says is a bound parameter.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from rankings.catalogue import RANKINGS
from rankings.ranking import Label, Ranking

_TABLES = Path(__file__).parent.parent / "sql" / "clickhouse_tables.sql"

_TYPES = {
    "business_day": "Date",
    "currency": "LowCardinality(FixedString(3))",
    "country": "LowCardinality(String)",
    "city": "String",
    "salesman_id": "String",
}

_COMMENTS = {
    "business_day": "the day that the sales count for, in the business time zone",
    "currency": "ISO 4217; sums are never taken across currencies",
    "country": "as the sources write it",
    "city": "as the sources write it",
    "salesman_id": "who is credited",
}


class View(StrEnum):
    """Which deltas an answer sums."""

    MERGED = "merged"
    LIVE = "live"
    RECONCILED = "reconciled"


def ddl(among: tuple[Ranking, ...] = RANKINGS) -> list[str]:
    """Every statement that makes the tables, each safe to run again."""
    shared = [text.strip() for text in _TABLES.read_text().split("\n;\n")]
    own = [
        statement for ranking in among for statement in (_live(ranking), _reconciled(ranking), *_label_views(ranking))
    ]
    return [text for text in shared if text] + own


def _columns(names: tuple[str, ...]) -> str:
    return ",\n    ".join(f"{name} {_TYPES[name]} COMMENT '{_COMMENTS[name]}'" for name in names)


def _live(ranking: Ranking) -> str:
    key = ", ".join(("currency", "business_day", *ranking.subject, "second"))
    return f"""CREATE TABLE IF NOT EXISTS {ranking.live_table}
(
    second DateTime('UTC') COMMENT 'log second of the records that the row sums',
    {_columns(ranking.sum_key)},
    amount Decimal(38, 2) COMMENT 'signed sum of the changes',
    sales Int64 COMMENT 'sales that came less sales that went',
    records UInt64 COMMENT 'deltas in the sum; of two rows of a key the fuller counts'{_seen_columns(ranking)}
)
ENGINE = ReplacingMergeTree(records) PARTITION BY toDate(second) ORDER BY ({key})
COMMENT '{ranking.title}: signed deltas by log second'"""


def _seen_columns(ranking: Ranking) -> str:
    return "".join(
        f",\n    seen_{label.column} String COMMENT 'log time (13 digits of ms) and {label.column} of the last record'"
        for label in ranking.labels
    )


def _label_views(ranking: Ranking) -> list[str]:
    """Names go to `labels` with the very insert that brings the sums."""
    return [
        f"""CREATE MATERIALIZED VIEW IF NOT EXISTS {label.column}_of_{ranking.live_table} TO labels AS
SELECT '{label.column}' AS label, {label.key} AS key, substring(seen, 14) AS name,
    fromUnixTimestamp64Milli(toInt64(substring(seen, 1, 13)), 'UTC') AS seen_at
FROM (
    SELECT {label.key}, max(seen_{label.column}) AS seen FROM {ranking.live_table}
    WHERE seen_{label.column} != '' GROUP BY {label.key}
)"""
        for label in ranking.labels
    ]


def _reconciled(ranking: Ranking) -> str:
    # FINAL merges rows of one key across partitions too: without the version, one would hide those before it.
    key = ", ".join(("currency", "business_day", *ranking.subject, "version"))
    return f"""CREATE TABLE IF NOT EXISTS {ranking.reconciled_table}
(
    version UInt32 COMMENT 'the reconciliation that wrote the row',
    {_columns(ranking.sum_key)},
    amount Decimal(38, 2) COMMENT 'difference to the version before it in the chain',
    sales Int64 COMMENT 'likewise, in sales'
)
ENGINE = ReplacingMergeTree PARTITION BY version ORDER BY ({key})
COMMENT '{ranking.title}: differences between published versions'"""


def query(ranking: Ranking, view: View = View.MERGED, *, by_country: bool = False) -> str:
    """The answer as one query.

    Parameters that it binds: `currency` String, `first_day` and `last_day` Date, `limit` UInt32 (for each value of
    `within`), `versions` Array(UInt32) (the publication's chain), `boundary` DateTime64(3) (its T), and `country`
    String if `by_country`. For the views `live` and `merged` the deltas at `boundary` and later count as live; for
    `live` pass the epoch as boundary to see all that the live job has kept.

    Columns: `rank` from 1, the subject's columns, `amount`, `sales`, then the same four figures in every row for the
    whole of what was asked: `live_turnover` and `all_turnover` (sums of the absolute deltas, also of subjects that they
    take away, for the live share), `subjects` (how many there are beyond the limit too).
    """
    subject = ", ".join(ranking.subject)
    among = ", ".join((*ranking.within, "gone"))
    order = ", ".join((*ranking.within, "rank"))
    return f"""SELECT rank, {subject}, amount, sales, live_turnover, all_turnover, subjects
FROM
(
    SELECT {subject}, sum(delta) AS amount, sum(delta_sales) AS sales,
        amount = 0 AND sales = 0 AS gone,
        row_number() OVER (PARTITION BY {among} ORDER BY amount DESC, {subject}) AS rank,
        sum(sumIf(turnover, is_live)) OVER () AS live_turnover,
        sum(sum(turnover)) OVER () AS all_turnover,
        countIf(NOT gone) OVER () AS subjects
    FROM
    (
        {_parts(ranking, view, by_country)}
    )
    GROUP BY {subject}
)
WHERE NOT gone AND rank <= {{limit:UInt32}}
ORDER BY {order}"""


def _parts(ranking: Ranking, view: View, by_country: bool) -> str:
    parts = []
    if view is not View.LIVE:
        parts.append(
            _part(ranking, f"{ranking.reconciled_table} FINAL", "version IN {versions:Array(UInt32)}", by_country)
        )
    if view is not View.RECONCILED:
        parts.append(_part(ranking, f"{ranking.live_table} FINAL", "second >= {boundary:DateTime64(3)}", by_country))
    return "\n        UNION ALL\n        ".join(parts)


def _part(ranking: Ranking, table: str, condition: str, by_country: bool) -> str:
    is_live = "true" if "second" in condition else "false"
    country = " AND country = {country:String}" if by_country else ""
    return (
        f"SELECT {', '.join(ranking.subject)}, amount AS delta, sales AS delta_sales, abs(amount) AS turnover, "
        f"{is_live} AS is_live\n        FROM {table}\n        WHERE {condition} AND currency = {{currency:String}}"
        f" AND business_day BETWEEN {{first_day:Date}} AND {{last_day:Date}}{country}"
    )


def current_publication() -> str:
    """The publication that answers are pinned to: version, boundary, versions, rankings, published_at; or no row."""
    return (
        "SELECT version, boundary, versions, rankings, published_at FROM publications "
        "ORDER BY published_at DESC, version DESC LIMIT 1"
    )


def oldest_delta(ranking: Ranking) -> str:
    """The log second of the oldest live delta of a ranking; no row if there is none."""
    return f"SELECT min(second) FROM {ranking.live_table} HAVING count() > 0"


def newest_delta(ranking: Ranking) -> str:
    """The log second of the newest live delta of a ranking; no row if there is none."""
    return f"SELECT max(second) FROM {ranking.live_table} HAVING count() > 0"


def live_zone() -> str:
    """The business time zone whose days live deltas have, and since when; no row before the live job first began."""
    return "SELECT business_time_zone, begun_at FROM live_zones ORDER BY begun_at DESC LIMIT 1"


def names(label: Label) -> str:
    """The names of some keys; binds `keys` Array(String); columns key, name."""
    return (
        "SELECT key, argMax(name, seen_at) AS name FROM labels "
        f"WHERE label = '{label.column}' AND key IN {{keys:Array(String)}} GROUP BY key"
    )


def progress(path: str = "live") -> str:
    """How far a job has come by its worst partition; columns topic, seen_through, measured_at, lag."""
    return (
        "SELECT topic, min(seen_through) AS seen_through, min(measured_at) AS measured_at, "
        "sum(log_end - committed) AS lag "
        f"FROM progress FINAL WHERE path = '{path}' GROUP BY topic ORDER BY topic"
    )


def quarantined() -> str:
    """What is open in quarantine, by source; columns source, topics (records by topic), sales (distinct ones).

    A record that does not tell its sale counts as a sale of its own.
    """
    return (
        "SELECT source, sumMap(map(toString(topic), toUInt64(1))) AS topics, uniqExact(sale) AS sales "
        "FROM (SELECT source, topic, sale FROM quarantine_standing FINAL "
        "WHERE superseded < order_time AND decided = 0) GROUP BY source ORDER BY source"
    )


def source_states() -> str:
    """How each source that is defined fares; columns as in the table `source_states`, without `defined`."""
    return (
        "SELECT name, kind, topic, state, last_error, last_read_at, measured_at "
        "FROM source_states FINAL WHERE defined ORDER BY name"
    )


def standing() -> str:
    """Progress, quarantine, publication and sources in one round trip: one row of four arrays of what each gives."""
    parts = (
        ("progress", progress()),
        ("quarantine", quarantined()),
        ("publication", current_publication()),
        ("sources", source_states()),
    )
    arrays = (f"(SELECT groupArray(tuple(*)) FROM ({text})) AS {name}" for name, text in parts)
    return "SELECT " + ",\n    ".join(arrays)
