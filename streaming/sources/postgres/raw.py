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
from streaming.committed import SECONDS, consumer, is_end
from streaming.sources.postgres import log
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.log import Record
from streaming.sources.records import Memory

BATCH = 1000
GATHER_SECONDS = 0.05
WAIT_SECONDS = 5.0
"""How long a reading waits for a record that is there already."""


class Raw:
    """The raw topics of one source, in the order of each partition."""

    def __init__(self, source: PostgresSource, chosen: Settings) -> None:
        self._topics = source.written
        self._consumer: Consumer = consumer(chosen, log.GROUP)
        self._assigned: dict[str, int] = {}
        self._woken: list[Message] = []
        self._ends: dict[str, int] = {}

    def read(self, memory: Memory) -> Iterator[tuple[list[Record], dict[str, int]]]:
        """What was written since: records, and the positions behind them as the memory keeps them.

        Raises:
            Retryable: the log does not answer.
        """
        try:
            goals = self._goals()
            self._assign(goals, memory)
            waited = time.monotonic()
            while self._behind(goals):
                told = self._next()
                if told:
                    waited = time.monotonic()
                    positions = {_place(each.topic, each.partition): each.offset + 1 for each in told}
                    self._assigned |= positions
                    yield told, positions
                elif time.monotonic() - waited > WAIT_SECONDS:
                    raise Retryable("Kafka does not answer", todo="see `tidelake status`")
        except KafkaException as error:
            raise Retryable("Kafka does not answer", received=str(error)) from error

    def _next(self) -> list[Record]:
        messages, self._woken = [*self._woken, *self._consumer.consume(BATCH, timeout=0.05)], []
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
        time.sleep(GATHER_SECONDS if self._assigned else seconds)

    def close(self) -> None:
        """Lets go of the log."""
        self._consumer.close()

    def _goals(self) -> dict[tuple[str, int], int]:
        """Where each partition ends now."""
        found = {}
        for topic in self._topics:
            for number in log.partitions(self._consumer, topic):
                part = TopicPartition(topic, number)
                found[topic, number] = self._consumer.get_watermark_offsets(part, timeout=SECONDS)[1]
        return found

    def _assign(self, goals: dict[tuple[str, int], int], memory: Memory) -> None:
        """Only where the memory is not what was read last: an assignment throws away what was fetched ahead."""
        wanted = {_place(*part): int(memory.get(_place(*part), 0)) for part in goals}
        if wanted != self._assigned:
            self._woken, self._ends = [], {}
            self._consumer.assign([TopicPartition(topic, n, wanted[_place(topic, n)]) for topic, n in goals])
            self._assigned = wanted

    def _behind(self, goals: dict[tuple[str, int], int]) -> bool:
        at = {place: max(offset, self._ends.get(place, 0)) for place, offset in self._assigned.items()}
        return any(at[_place(*part)] < end for part, end in goals.items())


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
