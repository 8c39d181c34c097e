"""Reads topics from one end to the other, in batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from runtime.errors import Retryable
from runtime.settings import Settings

SECONDS = 30.0
PAUSE_SECONDS = 0.2
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """A record with a key and a value."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


def consumer(chosen: Settings) -> Consumer:
    """A consumer that is told what to read, and whose position nobody else keeps."""
    return Consumer(
        {
            "bootstrap.servers": chosen.kafka,
            "group.id": "tidelake-sources-postgres",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "log_level": 2,
        }
    )


def records(chosen: Settings, topic: str) -> Iterator[list[Record]]:
    """Every committed record of a topic, in the order of each partition, to its present end.

    Raises:
        Retryable: the log does not answer.
    """
    with reading(chosen) as one:
        parts = [TopicPartition(topic, number, 0) for number in partitions(one, topic)]
        one.assign(parts)
        yield from to_the_end(one, len(parts))


def to_the_end(one: Consumer, parts: int) -> Iterator[list[Record]]:
    """What is assigned, until the end of each of so many partitions was seen."""
    ended: set[tuple[str | None, int | None]] = set()
    heard = time.monotonic()
    while len(ended) < parts:
        messages = one.consume(BATCH, timeout=PAUSE_SECONDS)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > SECONDS:
            raise Retryable("Kafka does not answer", todo="see `tidelake status`")
        ended |= {(each.topic(), each.partition()) for each in messages if is_end(each)}
        told = [record(each) for each in messages if each.error() is None and each.key() and each.value()]
        if told:
            yield told


def record(message: Message) -> Record:
    """A message that is no error."""
    return Record(
        str(message.topic()),
        message.partition() or 0,
        message.offset() or 0,
        message.key() or b"",
        message.value() or b"",
    )


def is_end(message: Message) -> bool:
    """Whether a message says that a partition is read to its end.

    Raises:
        Retryable: it says that something is wrong.
    """
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise Retryable("Kafka does not answer", received=error.str())
    return error is not None


def ends(chosen: Settings, topic: str) -> dict[int, int]:
    """The end of each partition of a topic.

    Raises:
        Retryable: the log does not answer.
    """
    with reading(chosen) as one:
        parts = [TopicPartition(topic, number) for number in partitions(one, topic)]
        return {part.partition: one.get_watermark_offsets(part, timeout=SECONDS)[1] for part in parts}


def partitions(one: Consumer, topic: str) -> list[int]:
    """The partitions of a topic; none where it is not there."""
    return sorted(one.list_topics(topic, timeout=SECONDS).topics[topic].partitions)


@contextmanager
def reading(chosen: Settings) -> Iterator[Consumer]:
    """A consumer that is closed afterwards.

    Raises:
        Retryable: the log does not answer.
    """
    one = consumer(chosen)
    try:
        yield one
    except KafkaException as error:
        raise Retryable("Kafka does not answer", received=str(error)) from error
    finally:
        one.close()
