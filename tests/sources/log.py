"""What the log holds, as a reader of committed records sees it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from runtime.settings import Settings

SECONDS = 15.0
AT_ONCE = 1000


def committed(chosen: Settings, topic: str, source: str | None = None) -> list[dict[str, Any]]:
    """Every committed payload of a topic, of one source if it is named, in each partition's order."""
    return [told for _, told in _read(chosen, topic, source)]


def payloads(chosen: Settings, topic: str, source: str) -> list[bytes]:
    """Every committed payload of a source, byte for byte, in each partition's order."""
    return [value for value, _ in _read(chosen, topic, source)]


def by_partition(chosen: Settings, topic: str) -> dict[int, list[dict[str, Any]]]:
    """Every committed payload of a topic, by its partition, in the order of this."""
    found: dict[int, list[dict[str, Any]]] = {}
    for message in _messages(chosen, topic):
        found.setdefault(message.partition() or 0, []).append(_payload(message.value() or b""))
    return found


class Count:
    """How many committed records a topic holds, counted on from look to look.

    The ends of transactions, which make a topic longer, are no records, nor is what a transaction may still take back.
    """

    def __init__(self, chosen: Settings, topic: str) -> None:
        self._consumer, self._topic = _consumer(chosen), topic
        self._parts: list[TopicPartition] = []
        self._found = 0

    def now(self) -> int:
        """All that have come so far."""
        while self._take(0.1) == AT_ONCE:
            continue
        return self._found

    def reaches(self, records: int, seconds: float) -> None:
        """Returns within hundredths of a second once there are so many."""
        give_up = time.monotonic() + seconds
        while self._found < records:
            assert time.monotonic() < give_up, f"{self._found} records and not {records} after {seconds:.0f} s"
            self._take(0.02)

    def _take(self, seconds: float) -> int:
        """How much came within that time, ends of partitions included."""
        if not self._parts:
            self._parts = _partitions(self._consumer, self._topic)
            self._consumer.assign(self._parts)
        came = self._consumer.consume(AT_ONCE, timeout=seconds)
        self._found += sum(message.error() is None for message in came)
        return len(came)


def _read(chosen: Settings, topic: str, source: str | None) -> list[tuple[bytes, dict[str, Any]]]:
    # Many sources share a topic, and what is no JSON is slow to tell: the name is looked for first.
    wanted = b"" if source is None else json.dumps(source).encode()
    values = (message.value() or b"" for message in _messages(chosen, topic))
    found = [(value, _payload(value)) for value in values if wanted in value]
    return [(value, told) for value, told in found if source is None or told.get("source") == source]


def _consumer(chosen: Settings) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": chosen.kafka,
            "group.id": f"tests-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            # The end of a partition is told by a fetch that has waited so long for more.
            "fetch.wait.max.ms": 20,
        }
    )


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """The beginnings of a topic's partitions."""
    known = consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
    return [TopicPartition(topic, number, 0) for number in known]


def _messages(chosen: Settings, topic: str) -> Iterator[Message]:
    consumer = _consumer(chosen)
    partitions = _partitions(consumer, topic)
    consumer.assign(partitions)
    ended: set[int | None] = set()
    while len(ended) < len(partitions):
        first = consumer.poll(SECONDS)
        assert first is not None, f"{topic} does not answer"
        for message in (first, *consumer.consume(AT_ONCE, timeout=0)):
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                assert error is None, error
                yield message
    consumer.close()


def _payload(value: bytes) -> dict[str, Any]:
    """What is no JSON object is no source's: other tests write such records on purpose."""
    try:
        told = json.loads(value or b"null")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
