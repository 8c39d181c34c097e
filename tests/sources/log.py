"""What the log holds, as a reader of committed records sees it."""

from __future__ import annotations

import json
import uuid
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from runtime.settings import Settings

SECONDS = 15.0


def committed(chosen: Settings, topic: str, source: str | None = None) -> list[dict[str, Any]]:
    """Every committed payload of a topic, of one source if it is named, in each partition's order."""
    consumer = Consumer(
        {
            "bootstrap.servers": chosen.kafka,
            "group.id": f"tests-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    partitions = consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[dict[str, Any]] = []
    ended: set[int | None] = set()
    while len(ended) < len(partitions):
        message = consumer.poll(SECONDS)
        assert message is not None, f"{topic} does not answer"
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            assert error is None, error
            found.append(_payload(message.value()))
    consumer.close()
    return [each for each in found if source is None or each.get("source") == source]


def _payload(value: bytes | None) -> dict[str, Any]:
    """What is no JSON object is no source's: other tests write such records on purpose."""
    try:
        told = json.loads(value or b"null")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
