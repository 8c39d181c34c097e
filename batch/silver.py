"""Silver: the latest state of each sale, and the records that the contract refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from batch import branches
from rankings.render import lake
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLES = (lake.SALES, lake.QUARANTINE)


@dataclass(frozen=True, slots=True)
class States:
    """How many sales exist, and how many are known as deleted."""

    sales: int
    deleted: int


def rebuild(spark: SparkSession) -> None:
    """Puts what the view `parsed` says in place of everything, on the branch `run`."""
    for table, query in ((lake.SALES, render.latest_state()), (lake.QUARANTINE, render.refused())):
        branches.begin(spark, table, None)
        overwrite(spark, table, query)


def overwrite(spark: SparkSession, table: str, query: str, **bound: object) -> None:
    """Puts a query's rows in place of all of a table's, on the branch `run`."""
    from pyspark.sql.functions import lit

    spark.sql(query, bound).writeTo(lake.on_run(table)).overwrite(lit(True))


def merge(spark: SparkSession, base: int, zone: str) -> Sequence[date]:
    """Brings what the view `parsed` says into version `base`, on the branch `run`; the days whose sums that changes."""
    for table in TABLES:
        branches.begin(spark, table, base)
    touch(spark, base)
    spark.sql(render.update_silver())
    spark.sql(render.new_in_silver()).writeTo(lake.on_run(lake.SALES)).append()
    spark.sql(render.refused()).writeTo(lake.on_run(lake.QUARANTINE)).append()
    days = [row.business_day for row in spark.sql(render.changed_days(), {"zone": zone}).collect()]
    return sorted(days)


def touch(spark: SparkSession, base: int) -> None:
    """Makes the view `touched` of what the view `parsed` changes in version `base`; `leave` ends it."""
    _view(spark, render.LATEST, render.latest_state())
    # Once its size is known, all of silver need not be shuffled to find what it held of these sales.
    spark.table(render.LATEST).count()
    _view(spark, render.KNOWN, render.known(base))
    _view(spark, render.TOUCHED, render.touched())


def leave(spark: SparkSession) -> None:
    """Lets go of what `touch` has made, of this run or of one that was ended."""
    for name in (render.LATEST, render.KNOWN, render.TOUCHED):
        if spark.catalog.tableExists(name):
            spark.table(name).unpersist()
            spark.catalog.dropTempView(name)


def _view(spark: SparkSession, name: str, query: str) -> None:
    """A view whose rows are kept while the step needs them."""
    from pyspark import StorageLevel

    spark.sql(query).persist(StorageLevel.MEMORY_AND_DISK).createOrReplaceTempView(name)


def states(spark: SparkSession) -> States:
    """How many sales the branch `run` holds."""
    row = spark.sql(render.states(lake.on_run(lake.SALES))).first()
    assert row is not None
    return States(row.sales, row.deleted)
