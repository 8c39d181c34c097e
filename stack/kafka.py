"""Kafka: one broker in KRaft mode, and the topics of the log."""

from __future__ import annotations

import base64
import os
import subprocess
import time
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import Permanent, Retryable
from runtime.settings import settings
from stack.addresses import ports
from stack.jars import class_path, version_of
from stack.java import java_command
from stack.model import Service, Step
from stack.ports import HOST
from stack.process import UTF8

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

CONFIGURATION = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# A transaction that nobody ends is given up soon after its time.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# After a crash, the controller waits for the end of the broker's old session before it takes the new one.
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=1000
# One machine: nobody else joins a group, and a worker that was killed is missed soon.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
"""
ANSWER_SECONDS = 10


def service() -> Service:
    """The broker, which is its own controller."""
    port = ports()["kafka"]
    return Service(
        name="kafka",
        command=java_command("kafka.Kafka", str(_config_file()), heap="384m", options=("-XX:+UseSerialGC",)),
        env={"CLASSPATH": class_path("kafka")},
        ready=_topics_are_listed,
        version=version_of("kafka"),
        address=f"{HOST}:{port}",
        prepare=_prepare,
        grace_seconds=30,
    )


def topics_step() -> Step:
    """The topics of the log, as `rankings.topics` names them."""
    return Step("topics", _make_topics, needs=("kafka",))


def _folder() -> Path:
    return settings().home / "kafka"


def _config_file() -> Path:
    return _folder() / "server.properties"


def _prepare() -> None:
    """Writes the configuration; formats the log folder at the first start."""
    _folder().mkdir(parents=True, exist_ok=True)
    data = _folder() / "data"
    _config_file().write_text(
        CONFIGURATION.format(host=HOST, broker=ports()["kafka"], controller=ports()["kafka_controller"], folder=data)
    )
    if not (data / "meta.properties").exists():
        _format()


def _format() -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    arguments = ("format", f"--cluster-id={cluster}", "--config", str(_config_file()))
    command = java_command("kafka.tools.StorageTool", *arguments, heap="128m", options=("-XX:TieredStopAtLevel=1",))
    environment = {**os.environ, **UTF8, "CLASSPATH": class_path("kafka")}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if not line.startswith("\tat ")]
        raise Permanent("Kafka's folder could not be formatted", received="\n".join(lines)[-600:])


@cache
def _admin() -> AdminClient:
    """One client for all probes: each holds threads and connections of its own."""
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": settings().kafka, "log_level": 0})


def _topics_are_listed() -> None:
    _admin().list_topics(timeout=3)


def check_fresh(topic: str, seconds: float) -> None:
    """Raises Retryable unless the newest record of each of a topic's partitions is at most that old."""
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin._listoffsets import OffsetSpec

    client = _admin()
    try:
        partitions = client.list_topics(topic, timeout=3).topics[topic].partitions
        wanted = {TopicPartition(topic, number): OffsetSpec.max_timestamp() for number in partitions}  # type: ignore[no-untyped-call]
        newest = [each.result(3).timestamp for each in client.list_offsets(wanted).values()]
    except KafkaException as error:
        raise Retryable("Kafka does not answer", received=str(error)) from error
    age = time.time() - min(newest) / 1000
    if age > seconds:
        raise Retryable(f"nothing was written to {topic} for {age:.0f} s", valid=f"at most {seconds:.0f} s")


def _make_topics() -> None:
    """Makes the topics that are missing, and brings all of them to today's settings."""
    from rankings.topics import TOPICS
    from streaming.topics import make_topics

    make_topics(settings(), TOPICS)
