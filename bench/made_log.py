"""A log of as many sales as wanted, written by Spark straight into the lake, as the lake job would have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rankings.render.lake import BRONZE
from rankings.topics import EVENTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOPIC, PARTITIONS = EVENTS[0], 4
DAYS, COUNTRIES, CITIES_EACH, SALESMEN_EACH = 365, 20, 20, 100
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
"""Log time of the first record; the sales happened in the days before."""

NIGHT = timedelta(days=1)


def boundary(night: int) -> datetime:
    """The end of a night's records."""
    return BEGINS + NIGHT * (night + 1)


def append(spark: SparkSession, night: int, first: int, count: int, new_from: int) -> None:
    """A night's records, numbered on from `first`: of sales that are new from `new_from` on, of older ones below.

    A record of an older sale moves it to another city and changes its amount; every fiftieth deletes it. Whether older
    sales are recent ones or any is decided by who draws the numbers: they are spread evenly below `new_from`.
    """
    begins = boundary(night) - NIGHT
    spark.range(first, first + count, 1, 16).createOrReplaceTempView("numbers")
    spark.sql(_records(first, count, new_from, begins)).writeTo(BRONZE).append()
    marks = spark.range(PARTITIONS).selectExpr(
        f"'{TOPIC}' AS topic",
        "CAST(id AS int) AS partition",
        f"{(first + count) * 2 + night}L AS offset",
        "CAST(NULL AS binary) AS key",
        'CAST(\'{"mark": "2026-01-01T00:00:00Z"}\' AS binary) AS payload',
        f"TIMESTAMP '{boundary(night):%Y-%m-%d %H:%M:%S}' AS log_time",
    )
    marks.writeTo(BRONZE).append()


def _records(first: int, count: int, new_from: int, begins: datetime) -> str:
    sale = f"CASE WHEN id >= {new_from} THEN id ELSE pmod(hash(id, 7), {max(new_from, 1)}) END"
    moved = f"CASE WHEN id >= {new_from} THEN 0 ELSE 1 + pmod(hash(id), {CITIES_EACH - 1}) END"
    return f"""WITH drawn AS (
    SELECT id, {sale} AS sale, {moved} AS moved, id < {new_from} AND id % 50 = 0 AS deleted FROM numbers
), told AS (
    SELECT *, pmod(hash(sale, 1), {COUNTRIES}) AS country, pmod(hash(sale, 2) + moved, {CITIES_EACH}) AS city,
        pmod(hash(sale, 3), {SALESMEN_EACH}) AS salesman, pmod(hash(sale, 4), 86400 * {DAYS}) AS ago,
        pmod(hash(sale, 5), 100000) + 100 + moved AS cents
    FROM drawn
)
SELECT '{TOPIC}' AS topic, CAST(pmod(hash(sale), {PARTITIONS}) AS int) AS partition, id AS offset,
    CAST(concat('["bench","B', sale, '"]') AS binary) AS key,
    CAST(to_json(named_struct('source', 'bench', 'sale_id', concat('B', sale), 'deleted', deleted,
        'occurred_at', date_format(TIMESTAMP '{BEGINS:%Y-%m-%d %H:%M:%S}' - make_dt_interval(0, 0, 0, ago),
            "yyyy-MM-dd'T'HH:mm:ss'Z'"),
        'country', concat('Country ', country), 'city', concat('City ', country, '-', city),
        'salesman_id', concat('S', country, '-', salesman), 'salesman', concat('Salesman ', country, '-', salesman),
        'amount', concat(cents DIV 100, '.', lpad(cents % 100, 2, '0')),
        'currency', CASE WHEN pmod(hash(sale, 6), 2) = 0 THEN 'EUR' ELSE 'USD' END)) AS binary) AS payload,
    TIMESTAMP '{begins:%Y-%m-%d %H:%M:%S}'
        + make_dt_interval(0, 0, 0, CAST((id - {first}) * 86399.0 / {count} AS decimal(18, 6))) AS log_time
FROM told"""
