"""Silver: the latest state of each sale, and the records that the contract refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch.bronze import refs
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True, slots=True)
class States:
    """How many sales exist, and how many are known as deleted."""

    sales: int
    deleted: int


def write(spark: SparkSession, version: int) -> States:
    """Overwrites silver with what the view `parsed` says, and tags its snapshots with the version."""
    overwrite(spark, render.SALES, render.latest_state(), version)
    overwrite(spark, render.QUARANTINE, render.refused(), version)
    row = spark.sql(render.states()).first()
    assert row is not None
    return States(row.sales, row.deleted)


def overwrite(spark: SparkSession, table: str, query: str, version: int, **bound: object) -> None:
    """Puts a query's rows in place of all of a table's in one commit, and tags it."""
    from pyspark.sql.functions import lit

    spark.sql(query, bound).writeTo(table).overwrite(lit(True))
    spark.sql(render.set_tag(table, version))


def drop_tags(spark: SparkSession, tables: list[str], versions: list[int]) -> None:
    """Removes the tags of versions that came to nothing, so that their files can be expired."""
    for table in tables:
        known = refs(spark, table)
        for version in versions:
            if render.version_tag(version) in known:
                spark.sql(render.drop_tag(table, version))
