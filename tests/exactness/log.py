"""The log as the tests write and read it: the records that they produce, and what the sales in it are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from rankings.contract import DELETED_FIELD, KEY_RULES, SALE_RULES, Rejected, parse
from rankings.sale import Deletion, Key, Sale
from rankings.topics import TOPICS
from runtime.settings import Settings
from stack.shop.generator import SOURCE

DIRECT = "direct/"
"""How the ids of sales begin that tests write into the shop's topic past the shop's table."""

SECONDS = 60.0
FIELDS = tuple(rule.field for rule in (*KEY_RULES, *SALE_RULES))


@dataclass(frozen=True, slots=True)
class Record:
    """A record to produce."""

    topic: str
    key: bytes | None
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Taken:
    """Where the log has put a record, and when."""

    topic: str
    partition: int
    offset: int
    log_time: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that the contract refuses, as the quarantine has to keep it."""

    field: str
    reason: str
    key: bytes
    payload: bytes
    log_time: datetime


def told(said: Sale | Deletion, where: str) -> Record:
    """A sale or a deletion as a source would write it into that topic."""
    if isinstance(said, Deletion):
        fields: dict[str, object] = {"source": said.source, "sale_id": said.sale_id, DELETED_FIELD: "true"}
    else:
        fields = {name: getattr(said, name) for name in FIELDS}
        fields["occurred_at"] = said.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        fields["amount"] = format(said.amount, "f")
    key = json.dumps([said.source, said.sale_id], ensure_ascii=False).encode()
    return Record(where, key, json.dumps(fields, ensure_ascii=False).encode())


def produce(chosen: Settings, records: Iterable[Record]) -> list[Taken]:
    """Writes records in their order; returns where each lies."""
    wanted = list(records)
    taken: list[Taken | None] = [None] * len(wanted)
    producer = Producer({"bootstrap.servers": chosen.kafka, "linger.ms": 5, "enable.idempotence": True})
    for number, record in enumerate(wanted):
        producer.produce(record.topic, record.payload, record.key, on_delivery=partial(_keep, taken, number))
        producer.poll(0)
    left = producer.flush(SECONDS)
    assert not left, f"{left} records were not delivered"
    return [each for each in taken if each]


def _keep(taken: list[Taken | None], number: int, error: Any, message: Message) -> None:
    assert error is None, error
    taken[number] = Taken(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        _time(message),
    )


def _time(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)


class LogReader:
    """Reads the whole log, and on from there with each call; knows each sale's last record, and what was refused."""

    def __init__(self, chosen: Settings) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": chosen.kafka, "group.id": "tests", "enable.auto.commit": False, "log_level": 0}
        )
        known = self._consumer.list_topics(timeout=SECONDS).topics
        self._next = {(name, number): 0 for name in TOPICS for number in known[name].partitions}
        self._consumer.assign([TopicPartition(name, number, 0) for name, number in self._next])
        self._last: dict[Key, tuple[tuple[int, str, int, int], Sale | Deletion]] = {}
        self.refused: dict[tuple[str, int, int], Refused] = {}

    def close(self) -> None:
        """Lets go of the log."""
        self._consumer.close()

    def catch_up(self) -> None:
        """Reads on to the end that the log has now."""
        ends = {at: self._consumer.get_watermark_offsets(TopicPartition(*at), SECONDS)[1] for at in self._next}
        while any(self._next[at] < end for at, end in ends.items()):
            messages = self._consumer.consume(500, timeout=0.05)
            for message in messages:
                assert message.error() is None, message.error()
                self._take(message)

    def _take(self, message: Message) -> None:
        name, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        self._next[name, partition] = offset + 1
        said = parse(message.value())
        if isinstance(said, Rejected):
            raw, at = (message.key() or b"", message.value() or b""), _time(message)
            self.refused[name, partition, offset] = Refused(said.field or "", said.reason, *raw, at)
        elif isinstance(said, Sale | Deletion):
            place = (message.timestamp()[1], name, partition, offset)
            if said.key not in self._last or self._last[said.key][0] < place:
                self._last[said.key] = (place, said)

    def sales(self) -> list[Sale]:
        """The sales that exist, but for those that the shop's table tells of."""
        return [said for _, said in self._last.values() if isinstance(said, Sale) and not _in_table(said)]


def _in_table(sale: Sale) -> bool:
    return sale.source == SOURCE and not sale.sale_id.startswith(DIRECT)
