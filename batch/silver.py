"""Silver: the latest state of each sale, and the records that the contract refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from batch import branches
from batch.ranges import ranges
from batch.spark import size
from rankings.render import lake
from rankings.render import spark as render
from rankings.render import touched as changes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLES = (lake.SALES, lake.QUARANTINE)

MOST_KEYS_BROADCAST = 500_000
"""The keys of so many sales are sent to every task; to find more, all of silver is shuffled."""

_ENDS = ("first", "last")


@dataclass(frozen=True, slots=True)
class States:
    """How many sales exist, and how many are known as deleted."""

    sales: int
    deleted: int

    def __add__(self, more: States) -> States:
        """That many, and so many more."""
        return States(self.sales + more.sales, self.deleted + more.deleted)


def order(spark: SparkSession) -> None:
    """Has silver written by key from here on; done again, it changes nothing."""
    if branches.as_iceberg(spark, lake.SALES).sortOrder().isUnsorted():
        for statement in lake.order_sales():
            spark.sql(statement)


def rebuild(spark: SparkSession, version: int) -> None:
    """Puts what the view `parsed` says in place of everything, on the branch of a version's run."""
    states = render.newer(f"({render.latest_state()})")
    for table, query in ((lake.SALES, states), (lake.QUARANTINE, render.refused())):
        branches.begin(spark, table, version, None)
        overwrite(spark, table, version, query)


def overwrite(spark: SparkSession, table: str, version: int, query: str, **bound: object) -> None:
    """Puts a query's rows in place of all of a table's, on the branch of a version's run."""
    from pyspark.sql.functions import lit

    spark.sql(query, bound).writeTo(lake.on_run(table, version)).overwrite(lit(True))


@dataclass(frozen=True, slots=True)
class Changed:
    """What a run has changed in silver.

    Attributes:
        more: by how much more sales exist, and are known as deleted; both may be negative.
        days: the business days whose sums that changes, in order.
    """

    more: States
    days: Sequence[date]


def merge(spark: SparkSession, version: int, base: int, held: States, zone: str, *, refused: bool) -> Changed:
    """Brings what the view `parsed` says into version `base`, on the branch of another version's run.

    Args:
        version: the other one, which comes of it.
        base: the version.
        held: the sales that it knows.
        zone: the business time zone's name.
        refused: whether there are refused records among it.
    """
    for table in TABLES:
        branches.begin(spark, table, version, base)
    held_in = touch(spark, base, held)
    row = spark.sql(render.changed(), {"zone": zone}).first()
    assert row is not None
    # A MERGE would shuffle and sort the months as a whole; who only deletes compares keys with those it was sent.
    if held_in.months:
        spark.sql(render.drop_older(version, held_in.months, held_in.ranges), dict(held_in.bound))
    spark.sql(render.newer()).writeTo(lake.on_run(lake.SALES, version)).append()
    if refused:
        spark.sql(render.refused()).writeTo(lake.on_run(lake.QUARANTINE, version)).append()
    return Changed(States(row.sales, row.deleted), sorted({*row.new_days, *row.old_days}))


@dataclass(frozen=True, slots=True)
class HeldIn:
    """Where silver keeps what a run changes of it, so that nothing else has to be read.

    Attributes:
        months: of its partitions, counted from 1970; None stands for sales that were deleted.
        ranges: how many ranges the ids of these sales lie in; 0 if they may lie anywhere.
        bound: the first and the last id of each range, by the parameter's name.
    """

    months: Sequence[int | None]
    ranges: int
    bound: Mapping[str, str]


def touch(spark: SparkSession, base: int, held: States) -> HeldIn:
    """Makes the view `touched` of what the view `parsed` changes in version `base`; `leave` ends it.

    Args:
        base: the version.
        held: the sales that it knows.

    Returns:
        Where silver keeps what is changed.
    """
    _view(spark, render.LATEST, render.latest_state())
    # Once its size is known, all of silver need not be shuffled to find what it held of these sales.
    told = spark.table(render.LATEST).count()
    if told > MOST_KEYS_BROADCAST:
        size(spark, told + held.sales + held.deleted)
    between = ranges(_keys(spark)) if told <= MOST_KEYS_BROADCAST else []
    bound = {f"{end}{number}": key for number, ends in enumerate(between) for end, key in zip(_ENDS, ends, strict=True)}
    _view(spark, render.PLACES, render.places(base, len(between)), bound)
    months = [row.month for row in spark.sql(render.months()).collect()]
    _view(spark, render.KNOWN, render.known(base, months, len(between)), bound)
    _view(spark, render.TOUCHED, changes.touched())
    if spark.sql(changes.unsettled()).head(1):
        _settle(spark)
    return HeldIn(months, len(between), bound)


def _settle(spark: SparkSession) -> None:
    """The view `touched` once more, where what is told and what was held have to be put in the log's order together."""
    spark.table(render.TOUCHED).unpersist()
    _view(spark, render.SETTLED, render.latest_state(with_held=True))
    _view(spark, render.TOUCHED, changes.settled())


def leave(spark: SparkSession) -> None:
    """Lets go of what `touch` has made, of this run or of one that was ended."""
    for name in (render.LATEST, render.PLACES, render.KNOWN, render.SETTLED, render.TOUCHED):
        if spark.catalog.tableExists(name):
            spark.table(name).unpersist()
            spark.catalog.dropTempView(name)


def _keys(spark: SparkSession) -> list[str]:
    """The ids of the sales of the view `latest`."""
    keys: list[str] = spark.table(render.LATEST).select("sale_id").toArrow()["sale_id"].to_pylist()
    return keys


def _view(spark: SparkSession, name: str, query: str, bound: Mapping[str, object] | None = None) -> None:
    """A view whose rows are kept while the step needs them."""
    from pyspark import StorageLevel

    spark.sql(query, dict(bound or {})).persist(StorageLevel.MEMORY_AND_DISK).createOrReplaceTempView(name)


def states(spark: SparkSession, version: int) -> States:
    """How many sales the branch of a version's run holds."""
    row = spark.sql(render.states(lake.on_run(lake.SALES, version))).first()
    assert row is not None
    return States(row.sales, row.deleted)
