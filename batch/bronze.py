"""The lake's copy of the log: waiting until it is complete up to a boundary, and what its records say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from batch import branches
from batch.kafka import Partition
from batch.parse import by_kernel, parsed_batches
from rankings.contract import MARK_FIELD
from rankings.render import lake
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

    def joined(self, later: Span) -> Span:
        """This span and one of other records of the same partition as one."""
        ends = max(self.last_offset, later.last_offset)
        first = min(self.first_offset, later.first_offset)
        return Span(self.topic, self.partition, first, ends, self.records + later.records)


@dataclass(frozen=True, slots=True)
class Covered:
    """The part of the log that an earlier version has read.

    Attributes:
        version: its number.
        boundary: its log time T.
        spans: what it found of each partition below T.
    """

    version: int
    boundary: datetime
    spans: Sequence[Span]


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
    if not spark.catalog.tableExists(lake.BRONZE):
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


def records(spark: SparkSession, boundary: datetime, snapshot: int | None, covered: Covered | None = None) -> DataFrame:
    """The lake's records before the boundary that no earlier version has read; also the view `records`.

    A lake that delivers each partition in the log's order makes this exact even where the log's clock went back: what
    the earlier version has read are the records before its boundary, up to the last offset that it found of them.

    Args:
        snapshot: bronze as of this snapshot.
        covered: what an earlier version has read.
    """
    from pyspark.sql.functions import coalesce, col, concat_ws, create_map, lit, try_element_at

    reader = spark.read if snapshot is None else spark.read.option("versionAsOf", snapshot)
    found = reader.table(lake.BRONZE).where(col("log_time") < lit(boundary))
    if covered:
        found = _in_hours(found, _hours_to_read(spark, covered, snapshot))
        ends = {"": -1} | {f"{span.topic}/{span.partition}": span.last_offset for span in covered.spans}
        # Within the expression, not as a table to join with: that would be some more of Spark's jobs.
        last = create_map(*(lit(each) for pair in ends.items() for each in pair))
        read_through = coalesce(try_element_at(last, concat_ws("/", "topic", "partition")), lit(-1))
        found = found.where((col("log_time") >= lit(covered.boundary)) | (col("offset") > read_through))
    found.createOrReplaceTempView(render.RECORDS)
    return found


def records_of(spark: SparkSession, boundary: datetime, spans: Sequence[Span]) -> DataFrame:
    """The lake's records that a version has read: those before its boundary, up to its last offsets; also `records`."""
    from pyspark.sql.functions import broadcast, col, lit

    rows = [(span.topic, span.partition, span.last_offset) for span in spans]
    read = spark.createDataFrame(rows, "topic string, partition int, read_through bigint")
    found = (
        spark.table(lake.BRONZE).where(col("log_time") < lit(boundary)).join(broadcast(read), ["topic", "partition"])
    )
    found = found.where("offset <= read_through").drop("read_through")
    found.createOrReplaceTempView(render.RECORDS)
    return found


def _hours_to_read(spark: SparkSession, covered: Covered, now: int | None) -> list[int] | None:
    """The hours of log time, counted from 1970, that can hold records which were not read; None for all.

    Those from the boundary on, and those that hold other records than they did: the log's clock went back, the lake job
    delivered again, or care has dropped some.
    """
    then = branches.snapshot(spark, lake.BRONZE, lake.version_tag(covered.version))
    if then is None or now is None:
        return None
    first = int(covered.boundary.timestamp()) // 3600
    grown = {row.hour for row in spark.sql(render.grown_hours(then, now)).collect()}
    return [*sorted(hour for hour in grown if hour < first), first]


def _in_hours(found: DataFrame, hours: list[int] | None) -> DataFrame:
    """The records of some hours; the last of these stands for all that follow it, too."""
    from pyspark.sql.functions import col, lit

    if hours is None:
        return found
    begins = [datetime.fromtimestamp(hour * 3600, UTC) for hour in hours]
    at = col("log_time")
    single = [(at >= lit(since)) & (at < lit(since + NEAR)) for since in begins[:-1]]
    return found.where(reduce(or_, single, at >= lit(begins[-1])))


def spans(spark: SparkSession) -> list[Span]:
    """What there is of each partition, from the view `records`."""
    # A sort by Spark would be two more jobs.
    return [Span(*row) for row in sorted(spark.sql(render.spans()).collect())]


def parse(spark: SparkSession, found: DataFrame) -> DataFrame:
    """What the records say, kept on local disk; also the view `parsed`. Plain marks are left out."""
    from pyspark import StorageLevel
    from pyspark.sql.functions import coalesce, col, lit

    plain_mark = coalesce(col("payload").cast("string").rlike(PLAIN_MARK), lit(False))
    rows = found.where(~plain_mark)
    said = (by_kernel(spark, rows) or rows.mapInArrow(parsed_batches, lake.PARSED_SCHEMA)).persist(
        StorageLevel.DISK_ONLY
    )
    said.createOrReplaceTempView(render.PARSED)
    return said


def kinds(spark: SparkSession) -> dict[str, int]:
    """How many records there are of each kind, from the view `parsed`."""
    rows = spark.sql(render.kinds()).collect()
    return {row.kind: row.records for row in rows}
