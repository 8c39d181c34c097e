"""The lake's copy of the log: waiting until it is complete up to a boundary, and what its records say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from batch.kafka import Partition
from batch.parse import parsed_batches
from rankings.contract import MARK_FIELD
from rankings.render import spark as render
from runtime.errors import Retryable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

POLL_SECONDS = 1.0
NEAR = timedelta(hours=1)
"""Marks come every second, so the first one after the boundary is most often found in this span."""

PLAIN_MARK = rf'^\{{"{MARK_FIELD}": ?"[0-9A-Za-z:.+-]*"\}}\z'
"""What a mark looks like as the gauge writes it: such a payload is one JSON object, and has the field."""


@dataclass(frozen=True, slots=True)
class Span:
    """What the lake holds of one partition below the boundary; offsets are None where it holds nothing."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    records: int


def wait_for_marks(
    spark: SparkSession,
    wanted: frozenset[Partition],
    boundary: datetime,
    seconds: float,
    note: Callable[[str], None],
) -> dict[Partition, datetime]:
    """Waits until the lake holds a mark at or after the boundary for every partition; the log time of each one's first.

    Args:
        wanted: the partitions of the log.
        seconds: the longest wait.
        note: is told which partitions are missing.

    Raises:
        Retryable: some are still missing then.
    """
    ends = time.monotonic() + seconds
    while True:
        found = _marks(spark, boundary, wanted)
        missing = wanted - found.keys()
        if not missing:
            return {partition: found[partition] for partition in sorted(wanted)}
        if time.monotonic() > ends:
            raise _incomplete(missing, boundary, seconds)
        note(f"waiting for the lake: no mark yet for {_names(missing)}")
        time.sleep(POLL_SECONDS)


def _marks(spark: SparkSession, boundary: datetime, wanted: frozenset[Partition]) -> dict[Partition, datetime]:
    """The first mark at or after the boundary, by partition; the whole of the lake is searched only if it has to be."""
    if not spark.catalog.tableExists(render.BRONZE):
        return {}
    found = _marks_between(spark, boundary, boundary + NEAR)
    if wanted <= found.keys() or datetime.now(UTC) < boundary + NEAR:
        return found
    return _marks_between(spark, boundary, datetime.max.replace(tzinfo=UTC))


def _marks_between(spark: SparkSession, since: datetime, until: datetime) -> dict[Partition, datetime]:
    rows = spark.sql(render.marks(), {"since": since, "until": until}).collect()
    return {(row.topic, row.partition): row.log_time.astimezone(UTC) for row in rows}


def _incomplete(missing: Iterable[Partition], boundary: datetime, seconds: float) -> Retryable:
    return Retryable(
        f"after {seconds:g} s the lake still lacks a mark at or after {boundary:%Y-%m-%dT%H:%M:%SZ}",
        received=f"no mark in {_names(missing)}",
        todo="see whether the gauge and the lake job run (`tidelake status`), then run again",
    )


def _names(partitions: Iterable[Partition]) -> str:
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(partitions))


def snapshot(spark: SparkSession, table: str) -> int | None:
    """The id of a table's current snapshot, or None before the first."""
    return refs(spark, table).get("main")


def refs(spark: SparkSession, table: str) -> dict[str, int]:
    """The snapshots that a table's branches and tags name."""
    return {row["name"]: row["snapshot_id"] for row in spark.sql(render.refs(table)).collect()}


def records(spark: SparkSession, boundary: datetime, snapshot_id: int | None) -> DataFrame:
    """The lake's records before the boundary, as of one snapshot; also the view `records`."""
    from pyspark.sql.functions import col, lit

    reader = spark.read if snapshot_id is None else spark.read.option("versionAsOf", snapshot_id)
    found = reader.table(render.BRONZE).where(col("log_time") < lit(boundary))
    found.createOrReplaceTempView(render.RECORDS)
    return found


def spans(spark: SparkSession) -> list[Span]:
    """What there is of each partition, from the view `records`."""
    return [Span(*row) for row in spark.sql(render.spans()).collect()]


def parse(spark: SparkSession, found: DataFrame) -> DataFrame:
    """What the records say, kept on local disk; also the view `parsed`. Plain marks are left out."""
    from pyspark import StorageLevel
    from pyspark.sql.functions import coalesce, col, lit

    plain_mark = coalesce(col("payload").cast("string").rlike(PLAIN_MARK), lit(False))
    said = found.where(~plain_mark).mapInArrow(parsed_batches, render.PARSED_SCHEMA).persist(StorageLevel.DISK_ONLY)
    said.createOrReplaceTempView(render.PARSED)
    return said


def kinds(spark: SparkSession) -> dict[str, int]:
    """How many records there are of each kind, from the view `parsed`."""
    rows = spark.sql(render.kinds()).collect()
    return {row.kind: row.records for row in rows}
