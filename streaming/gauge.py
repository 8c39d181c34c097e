"""The gauge: writes the marks, and tells in ClickHouse how far each job has come in each partition.

A mark proves that whoever has read it has read everything before it; its log time is the proof's time. A job's
committed offset says that everything below has arrived where the job writes, so the newest mark below it is how far
the job's answers reach.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from observe.logs import configure
from rankings.contract import MARK_FIELD
from rankings.topics import carries_sales
from runtime.settings import settings
from streaming.clickhouse import connect
from streaming.jobs import lake, live

Partition = tuple[str, int]

PATHS = {"live": live.NAME, "lake": lake.NAME}
"""The consumer group of each path."""

REMEMBERED = 7200
"""How many marks of a partition are remembered: a job further behind is known to be at least that far behind."""

COLUMNS = ("path", "topic", "partition", "committed", "log_end", "seen_through", "measured_at")

log = structlog.get_logger()


@dataclass
class Marks:
    """The marks that the log has taken, by partition, oldest first."""

    offsets: dict[Partition, deque[int]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=REMEMBERED)))
    times: dict[Partition, deque[datetime]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=REMEMBERED))
    )

    def taken(self, partition: Partition, offset: int, log_time: datetime) -> None:
        """The log took a mark."""
        self.offsets[partition].append(offset)
        self.times[partition].append(log_time)

    def newest_below(self, partition: Partition, committed: int) -> datetime | None:
        """Log time of the newest mark below an offset, or None if none is remembered.

        >>> marks = Marks()
        >>> marks.taken(("t", 0), 5, datetime(2026, 1, 1, tzinfo=UTC))
        >>> marks.newest_below(("t", 0), 5) is None, marks.newest_below(("t", 0), 6).year
        (True, 2026)
        """
        at = bisect_left(self.offsets[partition], committed)
        return self.times[partition][at - 1] if at else None

    def log_end(self, partition: Partition) -> int:
        """The offset behind the last mark."""
        return self.offsets[partition][-1] + 1 if self.offsets[partition] else 0


class Marker:
    """Writes one mark into every partition."""

    def __init__(self, servers: str, marks: Marks) -> None:
        self._marks = marks
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 0, "message.timeout.ms": 10_000})

    def write(self, partitions: Iterable[Partition]) -> None:
        """Asks the log to take the marks; those that it took are known after `poll`."""
        now = datetime.now(UTC).isoformat()
        for topic, partition in partitions:
            key = json.dumps({MARK_FIELD: partition}).encode()
            value = json.dumps({MARK_FIELD: now}).encode()
            self._producer.produce(topic, value, key, partition=partition, on_delivery=self._delivered)

    def poll(self, seconds: float) -> None:
        """Waits for what the log has to say."""
        self._producer.poll(seconds)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            log.warning("a mark was not taken", topic=message.topic(), partition=message.partition(), error=str(error))
            return
        log_time = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        self._marks.taken((message.topic(), message.partition()), message.offset(), log_time)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a job had committed in a partition when it was last measured, and the log time that it had read through."""

    committed: int
    through: datetime


NOTHING_SEEN = Seen(0, datetime.fromtimestamp(0, UTC))


def seen_now(before: Seen, committed: int, newest: datetime | None) -> Seen:
    """What a job has seen by what it has committed, and by the newest mark below that, if one is remembered.

    A job that was begun anew commits lower offsets than before: what it had seen then says nothing any more.
    """
    known = before.through if committed >= before.committed else NOTHING_SEEN.through
    return Seen(committed, newest or known)


class Progress:
    """Measures how far the jobs have come, and writes it to ClickHouse."""

    def __init__(self, servers: str, marks: Marks) -> None:
        self._servers, self._marks = servers, marks
        self._admin: AdminClient | None = None
        self._client: Any = None
        self._seen: dict[tuple[str, Partition], Seen] = {}

    def write(self, known: Iterable[Partition]) -> None:
        """Writes one row for each path and partition; one where the path has committed nothing yet says so.

        Args:
            known: the partitions of the log.

        Raises:
            KafkaException: the log does not answer.
            ClickHouseError: ClickHouse does not answer; the next call tries again.
        """
        if self._client is None:
            self._client = connect()
            self._remember()
        now = datetime.now(UTC)
        rows = []
        for path, group in PATHS.items():
            committed = dict.fromkeys(known, 0) | {(at.topic, at.partition): at.offset for at in self._committed(group)}
            rows += [self._row(path, partition, offset, now) for partition, offset in committed.items()]
        if rows:
            self._client.insert("progress", rows, column_names=COLUMNS)

    def _remember(self) -> None:
        """A gauge that starts knows no marks yet: what was measured before still holds."""
        known = self._client.query("SELECT path, topic, partition, committed, seen_through FROM progress FINAL")
        self._seen = {
            (path, (topic, partition)): Seen(committed, through.replace(tzinfo=UTC))
            for path, topic, partition, committed, through in known.result_rows
        }

    def _committed(self, group: str) -> list[TopicPartition]:
        self._admin = self._admin or AdminClient({"bootstrap.servers": self._servers})
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=5)
        try:
            return [at for at in asked[group].result().topic_partitions if at.offset >= 0]
        except KafkaException:
            # A client that has lost the groups' coordinator never asks where it is again.
            self._admin = None
            raise

    def _row(self, path: str, partition: Partition, committed: int, now: datetime) -> tuple[object, ...]:
        before = self._seen.get((path, partition), NOTHING_SEEN)
        seen = seen_now(before, committed, self._marks.newest_below(partition, committed))
        self._seen[path, partition] = seen
        end = max(self._marks.log_end(partition), committed)
        return path, *partition, committed, end, seen.through, now


def partitions(servers: str) -> list[Partition]:
    """Every partition of every topic that carries sales.

    Raises:
        KafkaException: the log does not answer.
    """
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "tidelake-gauge"})
    try:
        known = consumer.list_topics(timeout=10).topics
        return [(name, number) for name in sorted(known) if carries_sales(name) for number in known[name].partitions]
    finally:
        consumer.close()


def main() -> None:
    """Marks and measures for ever; what is away is asked again a second later."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    configure("gauge")
    chosen = settings()
    marks = Marks()
    marker, progress = Marker(chosen.kafka, marks), Progress(chosen.kafka, marks)
    while True:
        began = time.monotonic()
        try:
            known = partitions(chosen.kafka)
            marker.write(known)
            marker.poll(0.2)
            progress.write(known)
        except (KafkaException, BufferError, ClickHouseError) as error:
            log.warning("the gauge could not measure", error=str(error))
        while (left := chosen.mark_interval_seconds - (time.monotonic() - began)) > 0:
            marker.poll(left)
            time.sleep(min(left, 0.05))


if __name__ == "__main__":
    main()
