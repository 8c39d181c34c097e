"""The topics that Debezium writes for a source whose records are mapped, read from where its memory says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.committed import consumer, is_end
from streaming.sources.postgres import log
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.log import Record
from streaming.sources.records import Memory

BATCH = 1000
GATHER_SECONDS = 0.05
"""How long a reading gathers what is there before it hands it on."""

WAIT_SECONDS = 5.0
"""How long a reading waits for a record that is there already."""

LONGEST_SECONDS = 2.0
LOOK_SECONDS = 30.0


class Raw:
    """The raw topics of one source, in the order of each partition."""

    def __init__(self, source: PostgresSource, chosen: Settings) -> None:
        self._topics = source.written
        self._consumer: Consumer = consumer(chosen, log.GROUP)
        self._parts: list[tuple[str, int]] = []
        self._looked_at = 0.0
        self._assigned: dict[str, int] = {}
        self._woken: list[Message] = []
        self._ends: dict[str, int] = {}

    def read(self, memory: Memory) -> Iterator[tuple[list[Record], dict[str, int]]]:
        """What was written since: records, and the positions behind them as the memory keeps them.

        While more is written all the time, it ends after a while all the same, as nobody else is told anything before.

        Raises:
            Retryable: the log does not answer.
        """
        try:
            self._assign(memory)
            began = waited = time.monotonic()
            while (told := self._next()) or self._behind():
                if told:
                    waited = time.monotonic()
                    positions = {_place(each.topic, each.partition): each.offset + 1 for each in told}
                    self._assigned |= positions
                    yield told, positions
                    if time.monotonic() - began > LONGEST_SECONDS:
                        return
                elif time.monotonic() - waited > WAIT_SECONDS:
                    raise Retryable("Kafka does not answer", todo="see `tidelake status`")
        except KafkaException as error:
            raise Retryable("Kafka does not answer", received=str(error)) from error

    def _next(self) -> list[Record]:
        messages, self._woken = [*self._woken, *self._consumer.consume(BATCH, timeout=GATHER_SECONDS)], []
        return [log.record(each) for each in messages if not self._is_end(each)]

    def _is_end(self, message: Message) -> bool:
        """Whether a message only says where its partition ends: what no reader sees may stand last in it."""
        ends = is_end(message)
        if ends:
            self._ends[_place(str(message.topic()), message.partition() or 0)] = message.offset() or 0
        return ends

    def wait(self, seconds: float) -> None:
        """Until something is written, or so long; then a moment more, as changes come together."""
        give_up = time.monotonic() + seconds
        while self._assigned and not self._woken and time.monotonic() < give_up:
            message = self._consumer.poll(min(0.5, seconds))
            if message is not None and not self._is_end(message):
                self._woken = [message]
        if not self._assigned:
            time.sleep(seconds)

    def close(self) -> None:
        """Lets go of the log."""
        self._consumer.close()

    def _assign(self, memory: Memory) -> None:
        """Only where the memory is not what was read last: an assignment throws away what was fetched ahead."""
        self._look()
        wanted = {_place(*part): int(memory.get(_place(*part), 0)) for part in self._parts}
        if wanted != self._assigned:
            self._woken, self._ends = [], {}
            self._consumer.assign([TopicPartition(*part, wanted[_place(*part)]) for part in self._parts])
            self._assigned = wanted

    def _look(self) -> None:
        """Which partitions there are, asked seldom: the answer comes behind what the log is waiting to tell."""
        if {topic for topic, _ in self._parts} < set(self._topics) or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._parts = [(topic, n) for topic in self._topics for n in log.partitions(self._consumer, topic)]
            self._looked_at = time.monotonic()

    def _behind(self) -> bool:
        """Whether a partition has not told yet that it ends where it was read to."""
        return any(self._ends.get(place, -1) < offset for place, offset in self._assigned.items())


def _place(topic: str, partition: int) -> str:
    return f"{topic}:{partition}"


def value(record: Record) -> dict[str, Any]:
    """The fields of a record; numbers stay exact."""
    told: dict[str, Any] = json.loads(record.value, parse_float=Decimal)
    return told


def key(record: Record) -> dict[str, Any]:
    """The columns that a record's row is known by."""
    told: dict[str, Any] = json.loads(record.key, parse_float=Decimal)
    return told
