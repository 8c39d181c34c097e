"""Reads topics from one end to the other, in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import Consumer, Message, TopicPartition

from runtime.settings import Settings
from streaming.committed import SECONDS, is_end, reading, to_the_end

GROUP = "sources-postgres"


@dataclass(frozen=True, slots=True)
class Record:
    """A record with a key and a value."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


def records(chosen: Settings, topic: str) -> Iterator[list[Record]]:
    """Every committed record of a topic, in the order of each partition, to its present end.

    Raises:
        Retryable: the log does not answer.
    """
    with reading(chosen, GROUP) as one:
        parts = [TopicPartition(topic, number, 0) for number in partitions(one, topic)]
        one.assign(parts)
        for messages in to_the_end(one, len(parts)):
            told = [record(each) for each in messages if not is_end(each) and each.key() and each.value()]
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


def ends(chosen: Settings, topic: str) -> dict[int, int]:
    """The end of each partition of a topic.

    Raises:
        Retryable: the log does not answer.
    """
    with reading(chosen, GROUP) as one:
        parts = [TopicPartition(topic, number) for number in partitions(one, topic)]
        return {part.partition: one.get_watermark_offsets(part, timeout=SECONDS)[1] for part in parts}


def partitions(one: Consumer, topic: str) -> list[int]:
    """The partitions of a topic; none where it is not there."""
    return sorted(one.list_topics(topic, timeout=SECONDS).topics[topic].partitions)
