"""Branches and tags of the lake's tables: a run writes beside what is published, and a version keeps its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rankings.render import lake
from runtime.errors import Permanent

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def as_iceberg(spark: SparkSession, table: str) -> Any:
    """A table as Iceberg's own Java object, read afresh.

    Raises:
        AnalysisException: there is no such table.
    """
    # Named as a whole, the class is found at once: else each package on the way is looked for in all jars first.
    util = getattr(spark._jvm, "org.apache.iceberg.spark.Spark3Util")
    return util.loadIcebergTable(spark._jsparkSession, table)


def refs(spark: SparkSession, table: str) -> dict[str, int]:
    """The snapshots that a table's branches and tags name; none if there is no such table."""
    from pyspark.errors import AnalysisException

    try:
        # A query of the table's metadata would be a job each time; the table itself knows.
        known = as_iceberg(spark, table).refs()
    except AnalysisException as error:
        if error.getCondition() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        return {}
    # Iterating over the map itself would end with an exception of Java's each time, which costs more than the rest.
    return {name: known[name].snapshotId() for name in known.keySet().toArray()}


def snapshot(spark: SparkSession, table: str, ref: str = "main") -> int | None:
    """The snapshot that a branch or tag names, or None if there is none."""
    return refs(spark, table).get(ref)


def has_version(spark: SparkSession, table: str, version: int) -> bool:
    """Whether a table still has the snapshot of a version."""
    return lake.version_tag(version) in refs(spark, table)


def versions(spark: SparkSession, table: str) -> list[int]:
    """Those whose snapshots a table still has."""
    return _numbers(refs(spark, table), "v", lake.version_tag)


def _numbers(names: Iterable[str], begin: str, named: Callable[[int], str]) -> list[int]:
    """The versions that branches or tags are named after."""
    numbers = (name.removeprefix(begin) for name in names)
    return sorted({int(number) for number in numbers if number.isdecimal() and named(int(number)) in names})


def begin(spark: SparkSession, table: str, version: int, base: int | None) -> None:
    """Begins the branch of a version's run in a table, at version `base`, or anywhere if all will be written anew.

    Raises:
        Permanent: the lake lacks the version `base`.
    """
    known = refs(spark, table)
    if base is None:
        if lake.run_branch(version) in known:
            name_while_written(spark, lake.drop_run(table, version))
        name_while_written(spark, lake.begin_run(table, version, None))
        return
    if lake.version_tag(base) not in known:
        raise Permanent(
            f"the lake lacks version {base} that the next one goes on from",
            received=f"{table} has no tag {lake.version_tag(base)}",
            todo="rebuild from bronze: `tidelake reconcile --full`",
        )
    name_while_written(spark, lake.begin_run(table, version, known[lake.version_tag(base)]))


def keep(spark: SparkSession, table: str, version: int) -> int:
    """Names the end of the branch of a version's run after the version; its snapshot."""
    known = refs(spark, table)
    end = known[lake.run_branch(version)]
    _name(spark, table, version, end, known)
    return end


def name(spark: SparkSession, table: str, version: int, snapshot: int) -> None:
    """Names a snapshot after a version; done again, it changes nothing."""
    _name(spark, table, version, snapshot, refs(spark, table))


def _name(spark: SparkSession, table: str, version: int, snapshot: int, known: Mapping[str, int]) -> None:
    if known.get(lake.version_tag(version)) != snapshot:
        name_while_written(spark, lake.set_tag(table, version, snapshot))


def drop_runs(spark: SparkSession, tables: Iterable[str], newest: int) -> None:
    """Drops the branches of the runs of all versions up to one; those of later versions may be written to."""
    for table in tables:
        for version in _numbers(refs(spark, table), "run_", lake.run_branch):
            if version <= newest:
                name_while_written(spark, lake.drop_run(table, version))


def name_while_written(spark: SparkSession, statement: str) -> None:
    """Sets or drops a branch or tag of a table that others write meanwhile.

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
            name_while_written(spark, lake.show_version(table, version))


def drop_tags(spark: SparkSession, tables: Iterable[str], versions: Iterable[int]) -> None:
    """Takes the names of versions from their snapshots, so that the files can be expired."""
    unwanted = list(versions)
    for table in tables:
        known = refs(spark, table)
        for version in unwanted:
            if lake.version_tag(version) in known:
                name_while_written(spark, lake.drop_tag(table, version))
