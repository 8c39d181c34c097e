"""Gold: the sums of each ranking, those that changed brought up to date, and their checksum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from batch import branches
from batch.checksum import Checksum
from batch.silver import overwrite
from rankings.oracle import Total
from rankings.ranking import Ranking
from rankings.render import lake
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVERY_DAY = (date(1970, 1, 1), date(2100, 12, 31))
"""The contract lets nothing happen on other days, whatever the time zone."""


def rebuild(spark: SparkSession, ranking: Ranking, version: int, zone: str) -> None:
    """Puts the sums of all sales of a version of silver in place of everything, on the branch of its run."""
    # By its tag: a run that is taken up behind silver has no branch of it.
    silver = spark.read.option("versionAsOf", lake.version_tag(version)).table(lake.SALES)
    silver.createOrReplaceTempView(render.PRESENT)
    branches.begin(spark, lake.gold(ranking), version, None)
    overwrite(spark, lake.gold(ranking), version, render.sums(ranking), zone=zone)


def update(spark: SparkSession, ranking: Ranking, version: int, base: int, days: Sequence[date], *, zone: str) -> None:
    """Brings what the view `touched` changes into version `base`, on the branch of another version's run: the months of
    some days are written anew, the others' files stay.
    """
    from pyspark.sql.functions import expr

    branches.begin(spark, lake.gold(ranking), version, base)
    if not days:
        return
    months = set(map(month_of, days))
    sums = spark.sql(render.moved(ranking, base, months), {"zone": zone})
    changed = sums.writeTo(lake.on_run(lake.gold(ranking), version))
    changed.overwrite(expr(render.in_months("business_day", months)))


def month_of(day: date) -> int:
    """A day's month, counted from 1970, as Iceberg counts them.

    >>> month_of(date(1969, 12, 31)), month_of(date(2026, 1, 1))
    (-1, 672)
    """
    return (day.year - 1970) * 12 + day.month - 1


def checksum(spark: SparkSession, ranking: Ranking, table: str) -> Checksum:
    """The checksum of a ranking's sums as a table of the lake, one of its branches or one of its tags holds them."""
    row = spark.sql(render.checksum(ranking, table)).first()
    assert row is not None
    return Checksum(row.rows, int(row.checksum))


@dataclass(frozen=True, slots=True)
class Difference:
    """What a ranking's sums of a version are more than those of another, as the lake holds the two.

    Attributes:
        rows: the sum key, amount and sales.
        checksum: that of these rows.
        more: by what they change the number and the checksum of all sums; both may be negative.
    """

    rows: DataFrame
    checksum: Checksum
    more: Checksum


def difference(
    spark: SparkSession, ranking: Ranking, version: int, before: int | None, days: Sequence[date] | None
) -> Difference:
    """What a ranking's sums of a version are more than those of another, or than nothing; kept until `unpersist`.

    Args:
        days: where the difference lies at most, in order; None for anywhere.
    """
    first, last = EVERY_DAY if days is None else (days[0], days[-1]) if days else reversed(EVERY_DAY)
    found = spark.sql(render.difference(ranking, version, before), {"first": first, "last": last}).persist()
    found.createOrReplaceTempView(render.DIFFERENCE)
    if before is None:
        whole = checksum(spark, ranking, render.DIFFERENCE)
        return Difference(found, whole, whole)
    row = spark.sql(render.checksums_of_difference(ranking)).first()
    assert row is not None
    own, more = Checksum(row.rows, int(row.checksum)), Checksum(row.more_rows, int(row.more_checksum))
    return Difference(found, own, more)


def totals(spark: SparkSession, among: Iterable[Ranking], version: int) -> dict[tuple[str, str], Total]:
    """All amounts of a version, without signs, and all its sales, by ranking and currency."""
    rows = ((ranking.name, row) for ranking in among for row in spark.sql(render.totals(ranking, version)).collect())
    return {(name, row.currency): Total(row.amount, row.sales) for name, row in rows}
