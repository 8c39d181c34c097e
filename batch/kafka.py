"""Kafka: which partitions the log has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rankings.topics import TOPICS, carries_sales
from runtime.errors import Retryable
from runtime.settings import Settings

Partition = tuple[str, int]
"""A topic's name and a partition's number."""

TIMEOUT_SECONDS = 10


def partitions(settings: Settings) -> frozenset[Partition]:
    """Every partition of every topic that carries sales.

    Raises:
        Retryable: Kafka does not answer, or a topic is not there yet.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 0})
    try:
        known = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
    except KafkaException as error:
        todo = "start the stack, or set TIDELAKE_KAFKA"
        raise Retryable("Kafka does not answer", received=f"{settings.kafka}: {error}", todo=todo) from error
    missing = [name for name in TOPICS if name not in known]
    if missing:
        raise Retryable("the log lacks topics", received=", ".join(missing), todo="create them: `tidelake up` does")
    return frozenset(
        (name, partition) for name, topic in known.items() if carries_sales(name) for partition in topic.partitions
    )


def write(settings: Settings, records: Sequence[Any]) -> None:
    """Writes records (topic, partition, key, payload) to the log, each in its place.

    Raises:
        Retryable: the log did not take them all.
    """
    from confluent_kafka import Producer

    failed: list[str] = []
    producer = Producer({"bootstrap.servers": settings.kafka, "enable.idempotence": True, "log_level": 0})
    for each in records:
        producer.produce(
            each.topic,
            each.payload,
            each.key,
            partition=each.partition,
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
    if producer.flush(TIMEOUT_SECONDS) or failed:
        raise Retryable("the log did not take every record", received=", ".join(failed[:3]), todo="run it again")
