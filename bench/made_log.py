"""A log of as many sales as wanted, written by Spark straight into the lake, as the lake job would have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batch.spark import size
from rankings.render.lake import BRONZE
from rankings.topics import EVENTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOPIC, PARTITIONS = EVENTS[0], 4
DAYS, COUNTRIES, CITIES_EACH, SALESMEN_EACH = 365, 20, 20, 100
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
"""Log time of the first record; the sales happened in the days before."""

NIGHT = timedelta(days=1)
SHARE = 100
"""One of so many sales changes in a night."""


def boundary(night: int) -> datetime:
    """The end of a night's records."""
    return BEGINS + NIGHT * (night + 1)


@dataclass(frozen=True, slots=True)
class Night:
    """The records of a night, and of which sales they tell.

    Attributes:
        number: of the night; night 0 tells the history.
        first: number of its first record.
        count: of its records.
        known: how many sales were told before; as many records as `count` allows tell of new ones that follow them.
        among: older sales are drawn from the last so many of those that are known.
        new: how many records tell of new sales.
        history: how many sales night 0 has told; they fill the year before it.
    """

    number: int
    first: int
    count: int
    known: int
    among: int
    new: int
    history: int


def nights(sales: int) -> dict[str, Night]:
    """All sales; then a night's changes of recent sales and as many new ones; then as many of any sales."""
    changed = sales // SHARE
    half = changed // 2
    return {
        "all": Night(0, 0, sales, known=0, among=0, new=sales, history=sales),
        "night": Night(1, sales, changed, known=sales, among=changed, new=half, history=sales),
        "anywhere": Night(2, sales + changed, changed, known=sales + half, among=sales + half, new=half, history=sales),
    }


def append(spark: SparkSession, night: Night) -> None:
    """Writes a night's records: of older sales first, then of new ones, which go on in time where the others ended.

    A record of an older sale moves it to another city and changes its amount; every fiftieth deletes it.
    """
    size(spark, night.count)
    number(spark, night)
    spark.sql(_records(night)).writeTo(BRONZE).append()
    marks = spark.range(PARTITIONS).selectExpr(
        f"'{TOPIC}' AS topic",
        "CAST(id AS int) AS partition",
        f"{(night.first + night.count) * 2 + night.number}L AS offset",
        "CAST(NULL AS binary) AS key",
        'CAST(\'{"mark": "2026-01-01T00:00:00Z"}\' AS binary) AS payload',
        f"TIMESTAMP '{boundary(night.number):%Y-%m-%d %H:%M:%S}' AS log_time",
    )
    marks.writeTo(BRONZE).append()


def number(spark: SparkSession, night: Night) -> None:
    """Makes the view `numbers`, of a night's records."""
    spark.range(night.first, night.first + night.count, 1, 16).createOrReplaceTempView("numbers")


def parsed(night: Night) -> str:
    """The same records as a reconciliation's view `parsed` has them, without the log and the reading of it.

    Reads the view `numbers`, of the records' numbers.
    """
    return f"""{_told(night)}
SELECT topic, partition, offset, log_time, CASE WHEN deleted THEN 'deletion' ELSE 'sale' END AS kind,
    source, sale_id, occurred_at, country, city, salesman_id, salesman, amount, currency,
    CAST(NULL AS string) AS field, CAST(NULL AS string) AS reason, CAST(NULL AS binary) AS key,
    CAST(NULL AS binary) AS payload
FROM told"""


def _records(night: Night) -> str:
    fields = ", ".join(
        f"'{name}', {told}"
        for name, told in {
            "source": "source",
            "sale_id": "sale_id",
            "deleted": "deleted",
            "occurred_at": "date_format(occurred_at, \"yyyy-MM-dd'T'HH:mm:ss'Z'\")",
            "country": "country",
            "city": "city",
            "salesman_id": "salesman_id",
            "salesman": "salesman",
            "amount": "CAST(amount AS string)",
            "currency": "currency",
        }.items()
    )
    return f"""{_told(night)}
SELECT topic, partition, offset, CAST(concat('["bench","', sale_id, '"]') AS binary) AS key,
    CAST(to_json(named_struct({fields})) AS binary) AS payload, log_time
FROM told"""


def _told(night: Night) -> str:
    """The table `told` of a query: one row for each record, with the sale's fields and the position in the log."""
    begins = boundary(night.number) - NIGHT
    new_from = night.first + night.count - night.new
    older = f"{night.known - night.among} + pmod(hash(id, 7), {max(night.among, 1)})"
    spacing = DAYS * 86_400 / night.history
    return f"""WITH drawn AS (
    SELECT id, CASE WHEN id >= {new_from} THEN {night.known} + id - {new_from} ELSE {older} END AS sale,
        CASE WHEN id >= {new_from} THEN 0 ELSE 1 + pmod(hash(id), {CITIES_EACH - 1}) END AS moved,
        id < {new_from} AND id % 50 = 0 AS deleted FROM numbers
), placed AS (
    SELECT *, pmod(hash(sale, 1), {COUNTRIES}) AS land, pmod(hash(sale, 2) + moved, {CITIES_EACH}) AS place,
        pmod(hash(sale, 3), {SALESMEN_EACH}) AS seller,
        CAST(({night.history} - sale) * {spacing:.9f}D AS decimal(18, 6)) AS ago,
        pmod(hash(sale, 5), 100000) + 100 + moved AS cents
    FROM drawn
), told AS (
    SELECT '{TOPIC}' AS topic, CAST(pmod(hash(sale), {PARTITIONS}) AS int) AS partition, id AS offset,
        TIMESTAMP '{begins:%Y-%m-%d %H:%M:%S}'
            + make_dt_interval(0, 0, 0, CAST((id - {night.first}) * 86399.0D / {night.count} AS decimal(18, 6)))
            AS log_time,
        'bench' AS source, concat('B', sale) AS sale_id, deleted,
        date_trunc('SECOND', TIMESTAMP '{BEGINS:%Y-%m-%d %H:%M:%S}' - make_dt_interval(0, 0, 0, ago)) AS occurred_at,
        concat('Country ', land) AS country, concat('City ', land, '-', place) AS city,
        concat('S', land, '-', seller) AS salesman_id, concat('Salesman ', land, '-', seller) AS salesman,
        CAST(cents / 100BD AS decimal(18, 2)) AS amount,
        CASE WHEN pmod(hash(sale, 6), 2) = 0 THEN 'EUR' ELSE 'USD' END AS currency
    FROM placed
)"""
