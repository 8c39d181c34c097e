"""Gold: the sums of each ranking, computed anew for the business days that changed, and their checksum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from batch import branches
from batch.checksum import Checksum
from batch.silver import overwrite
from rankings.ranking import Ranking
from rankings.render import lake
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DAY = timedelta(days=1)

EVERY_DAY = (date(1970, 1, 1), date(2100, 12, 31))
"""The contract lets nothing happen on other days, whatever the time zone."""

FEW_DAYS = 10
"""Of so many days all sales are summed anew, which is sure; of more, that would read most of silver."""

MOST_RANGES = 50
"""More ranges of days than this are looked for as one: a filter of thousands of parts costs more than it saves."""


def rebuild(spark: SparkSession, ranking: Ranking, zone: str) -> None:
    """Puts the sums of all sales of silver in place of everything, on the branch `run`."""
    spark.table(lake.on_run(lake.SALES)).createOrReplaceTempView(render.PRESENT)
    branches.begin(spark, lake.gold(ranking), None)
    overwrite(spark, lake.gold(ranking), render.sums(ranking), zone=zone)


def update(spark: SparkSession, ranking: Ranking, base: int, days: Sequence[date], zone: str) -> None:
    """Computes the sums of some days anew and brings those that changed into version `base`, on the branch `run`.

    Of more than a few days not every sale is looked at, but those of the view `touched`.
    """
    branches.begin(spark, lake.gold(ranking), base)
    if not days:
        return
    if len(days) > FEW_DAYS:
        query = render.changes_by_moves(ranking, base)
    else:
        listed = [(day,) for day in days]
        spark.createDataFrame(listed, "business_day date").createOrReplaceTempView(render.CHANGED_DAYS)
        sales_of(spark, days, zone).createOrReplaceTempView(render.PRESENT)
        query = render.changes(ranking, base, of_days=True)
    changes = spark.sql(query, {"zone": zone}).persist()
    changes.createOrReplaceTempView(render.CHANGES)
    spark.sql(render.update_gold(ranking), {"first": days[0], "last": days[-1]})
    changes.unpersist()


def sales_of(spark: SparkSession, days: Sequence[date], zone: str) -> DataFrame:
    """Silver's rows on the branch `run`, without most of those that do not lie in the days."""
    from pyspark.sql.functions import col, lit

    at = col("occurred_at")
    bounds = ((_midnight(first, zone), _midnight(last + DAY, zone)) for first, last in _ranges(days))
    parts = [(at >= lit(since)) & (at < lit(until)) for since, until in bounds]
    return spark.table(lake.on_run(lake.SALES)).where(reduce(or_, parts))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """First and last day of each run of days without a gap; the days are in order.

    >>> _ranges([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 9)])[0]
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 2))
    """
    ranges: list[tuple[date, date]] = []
    for day in days:
        if ranges and day == ranges[-1][1] + DAY:
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges if len(ranges) <= MOST_RANGES else [(days[0], days[-1])]


def checksum(spark: SparkSession, ranking: Ranking, table: str) -> Checksum:
    """The checksum of a ranking's sums as a table of the lake, one of its branches or one of its tags holds them."""
    row = spark.sql(render.checksum(ranking, table)).first()
    assert row is not None
    return Checksum(row.rows, int(row.checksum))


def difference(
    spark: SparkSession, ranking: Ranking, version: int, before: int | None, days: Sequence[date] | None
) -> DataFrame:
    """What a ranking's sums of a version are more than those of another, or than nothing.

    Args:
        days: where the difference lies at most, in order; None for anywhere.
    """
    first, last = EVERY_DAY if days is None else (days[0], days[-1]) if days else reversed(EVERY_DAY)
    return spark.sql(render.difference(ranking, version, before), {"first": first, "last": last})


def totals(spark: SparkSession, among: Iterable[Ranking], version: int) -> dict[tuple[str, str], Decimal]:
    """The sum of all amounts of a version, without signs, by ranking and currency."""
    rows = ((ranking.name, row) for ranking in among for row in spark.sql(render.totals(ranking, version)).collect())
    return {(name, row.currency): row.amount for name, row in rows}
