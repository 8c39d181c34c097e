"""The log's topics: their settings, and making those that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from runtime.errors import Retryable
from runtime.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin._config import ConfigResource

ANSWER_SECONDS = 10


def topic_settings(chosen: Settings) -> dict[str, str]:
    """The settings of every topic of the log: what gives a record its log time, and keeps the last one of each key."""
    day_ms = 24 * 3600 * 1000
    return {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": str(chosen.compaction_lag_days * day_ms),
    }


def make_topics(chosen: Settings, names: Iterable[str]) -> None:
    """Makes topics of the log; those that exist keep their partitions and get today's settings.

    Raises:
        Retryable: the broker did not answer.
    """
    make(chosen, dict.fromkeys(names, topic_settings(chosen)), chosen.topic_partitions)


def make(chosen: Settings, wanted: Mapping[str, Mapping[str, str]], partitions: int) -> None:
    """Makes topics with settings of their own; those that exist keep their partitions and get these settings.

    Raises:
        Retryable: the broker did not answer.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    client = AdminClient({"bootstrap.servers": chosen.kafka, "log_level": 0})
    try:
        present = client.list_topics(timeout=ANSWER_SECONDS).topics
        new = [NewTopic(name, partitions, 1, config=dict(how)) for name, how in wanted.items() if name not in present]
        for made in client.create_topics(new).values() if new else ():
            made.result(ANSWER_SECONDS)
        changes = [_change(name, how) for name, how in wanted.items()]
        for changed in client.incremental_alter_configs(changes).values():
            changed.result(ANSWER_SECONDS)
    except KafkaException as error:
        raise Retryable("Kafka did not make the topics", received=str(error)) from error


def _change(topic: str, how: Mapping[str, str]) -> ConfigResource:
    """The request that brings one topic to its settings."""
    from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
    from confluent_kafka.admin._resource import ResourceType

    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in how.items()]
    return ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
