"""The log of the measured stack: filled with records, read back into memory, and watched until the jobs have it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.records import Record
from rankings.contract import MARK_FIELD
from rankings.topics import carries_sales
from runtime.errors import Retryable

SECONDS = 60.0
PATIENCE_SECONDS = 600.0
_MARK = f'{{"{MARK_FIELD}"'.encode()

Ends = dict[tuple[str, int], int]


def produce(servers: str, topic: str, records: Iterable[Record]) -> None:
    """Writes records in their order, as fast as the log takes them.

    Raises:
        Retryable: the log did not take them all.
    """
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "enable.idempotence": True, "log_level": 3})
    for record in records:
        while True:
            try:
                producer.produce(topic, record.payload, record.key)
                break
            except BufferError:
                producer.poll(0.1)
    if left := producer.flush(SECONDS):
        raise Retryable("the log did not take every record", received=f"{left} are left")


def ends(servers: str) -> Ends:
    """The offset behind the last record, of every partition of every topic that carries sales."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench"})
    try:
        known = consumer.list_topics(timeout=SECONDS).topics
        partitions = [(name, number) for name in known if carries_sales(name) for number in known[name].partitions]
        return {at: consumer.get_watermark_offsets(TopicPartition(*at), SECONDS)[1] for at in partitions}
    finally:
        consumer.close()


def payloads(servers: str, topic: str) -> list[bytes]:
    """Everything in a topic but the marks, in the order of each partition."""
    upto = {at: end for at, end in ends(servers).items() if at[0] == topic}
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench", "enable.auto.commit": False})
    consumer.assign([TopicPartition(*at, 0) for at in upto])
    found: list[bytes] = []
    while upto:
        for message in consumer.consume(10_000, timeout=SECONDS):
            value, at = message.value() or b"", (topic, int(message.partition() or 0))
            if not value.startswith(_MARK):
                found.append(value)
            if int(message.offset() or 0) + 1 >= upto.get(at, 0):
                upto.pop(at, None)
    consumer.close()
    return found


def wait_until_read(servers: str, group: str, upto: Ends) -> None:
    """Waits until a job has committed everything below these offsets.

    Raises:
        Retryable: it has not in time.
    """
    admin = AdminClient({"bootstrap.servers": servers})
    give_up = time.monotonic() + PATIENCE_SECONDS
    while behind := _behind(admin, group, upto):
        if time.monotonic() > give_up:
            raise Retryable(f"{group} has not read the log", received=f"{behind:,} records are left")
        time.sleep(0.5)


def _behind(admin: AdminClient, group: str, upto: Ends) -> int:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
    committed = {(at.topic, at.partition): at.offset for at in asked[group].result().topic_partitions or ()}
    return sum(max(0, end - max(0, committed.get(at, 0))) for at, end in upto.items())
