"""Branches and tags of the lake's tables: a run writes beside what is published, and a version keeps its snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rankings.render import lake
from runtime.errors import Permanent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def refs(spark: SparkSession, table: str) -> dict[str, int]:
    """The snapshots that a table's branches and tags name."""
    # A query of the table's metadata would be a job each time; the table itself knows.
    util = spark._jvm.org.apache.iceberg.spark.Spark3Util  # type: ignore[union-attr]
    known = util.loadIcebergTable(spark._jsparkSession, table).refs()
    # Iterating over the map itself would end with an exception of Java's each time, which costs more than the rest.
    return {name: known[name].snapshotId() for name in known.keySet().toArray()}


def snapshot(spark: SparkSession, table: str, ref: str = "main") -> int | None:
    """The snapshot that a branch or tag names, or None if there is none."""
    return refs(spark, table).get(ref)


def has_version(spark: SparkSession, table: str, version: int) -> bool:
    """Whether a table still has the snapshot of a version."""
    return spark.catalog.tableExists(table) and lake.version_tag(version) in refs(spark, table)


def versions(spark: SparkSession, table: str) -> list[int]:
    """Those whose snapshots a table still has; none if there is no such table."""
    names = refs(spark, table) if spark.catalog.tableExists(table) else {}
    numbers = (name.removeprefix("v") for name in names)
    return sorted(int(number) for number in numbers if number.isdecimal() and lake.version_tag(int(number)) in names)


def begin(spark: SparkSession, table: str, base: int | None) -> None:
    """Begins the branch `run` of a table at a version, or anywhere if all of it will be written anew.

    Raises:
        Permanent: the lake lacks the version.
    """
    known = refs(spark, table)
    if base is None:
        if lake.RUN in known:
            spark.sql(lake.drop_run(table))
        spark.sql(lake.begin_run(table, None))
        return
    if lake.version_tag(base) not in known:
        raise Permanent(
            f"the lake lacks version {base} that the next one goes on from",
            received=f"{table} has no tag {lake.version_tag(base)}",
            todo="rebuild from bronze: `tidelake reconcile --full`",
        )
    spark.sql(lake.begin_run(table, known[lake.version_tag(base)]))


def keep(spark: SparkSession, table: str, version: int) -> int:
    """Names the end of the branch `run` after a version; its snapshot."""
    end = refs(spark, table)[lake.RUN]
    spark.sql(lake.set_tag(table, version, end))
    return end


def name_while_written(spark: SparkSession, table: str, statement: str) -> None:
    """Sets or drops a tag of a table that others write meanwhile.

    Iceberg repeats a commit of rows that another one came before, but not one of names.
    """
    from py4j.protocol import Py4JJavaError
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    def overtaken(error: BaseException) -> bool:
        return isinstance(error, Py4JJavaError) and "CommitFailedException" in str(error)

    wait = wait_random_exponential(multiplier=0.2, max=5)
    Retrying(retry=retry_if_exception(overtaken), stop=stop_after_attempt(10), wait=wait, reraise=True)(
        spark.sql, statement
    )


def show(spark: SparkSession, tables: Iterable[str], version: int) -> None:
    """Lets all who read the tables see a version; done again, it changes nothing."""
    for table in tables:
        known = refs(spark, table)
        tag = lake.version_tag(version)
        if tag in known and known.get("main") != known[tag]:
            spark.sql(lake.show_version(table, version))


def drop_tags(spark: SparkSession, tables: Iterable[str], versions: Iterable[int]) -> None:
    """Takes the names of versions from their snapshots, so that the files can be expired."""
    unwanted = list(versions)
    for table in tables:
        known = refs(spark, table)
        for version in unwanted:
            if lake.version_tag(version) in known:
                name_while_written(spark, table, lake.drop_tag(table, version))
