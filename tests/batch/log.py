"""A made-up log for tests: sales that are inserted, changed, moved, deleted and come back, refused records, marks."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rankings.contract import DELETED_FIELD, Parsed, parse
from rankings.topics import TOPICS

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 2
PLACES = [
    ("Germany", "Köln"),
    ("Germany", "Bonn"),
    ("France", "Paris"),
    ("Poland", 'Łódź "the boat"'),
    ("Poland", "A\\B"),
]
MALFORMED = [
    None,
    b"",
    b"not json",
    b"[1]",
    b'{"sale_id": "1"',
    b"\xff\xfe",
    b'{"source": "till", "sale_id": "9", "sale_id": "8"}',
    b'{"source": "till", "sale_id": "9", "amount": 1.5}',
    b'{"source": "till", "sale_id": "9", "deleted": "maybe"}',
    b'{"mark": "2026-03-01T12:00:00Z", "mark": "2026-03-01T12:00:00Z"}',
]

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log, with the bronze table's columns."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    payload: bytes | None
    log_time: datetime

    @property
    def said(self) -> Parsed:
        """What the contract says of it."""
        return parse(self.payload)


class Log:
    """Grows by a seeded generator; `records` holds all of it, `now` is the log time of the next record."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sales: dict[tuple[str, str], dict[str, Any]] = {}
        self._ends: dict[Partition, int] = {}
        self.records: list[Record] = []
        self.now = START

    def draw_from(self, seed: str) -> None:
        """Has what comes from here on be drawn from another seed."""
        self._random = random.Random(seed)

    def grow(self, count: int) -> None:
        """Adds that many records, a tenth of a second apart, with marks each second."""
        for _ in range(count):
            self._add(*self._change())
            self.now += timedelta(milliseconds=100)
            if self.now.microsecond == 0:
                self.mark()

    def mark(self) -> None:
        """Adds a mark to every partition, at the next whole second."""
        if self.now.microsecond:
            self.now = self.now.replace(microsecond=0) + timedelta(seconds=1)
        payload = json.dumps({"mark": self.now.isoformat().replace("+00:00", "Z")}).encode()
        for name, partition in sorted(partitions()):
            self._put(name, partition, b"mark", payload)

    def sold(self, sale: str, at: datetime, amount: str) -> None:
        """Adds a record of one sale."""
        fields = {"source": "till", "sale_id": sale, "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
        fields |= {"country": "Germany", "city": "Bonn", "salesman_id": "p1", "amount": amount, "currency": "EUR"}
        self._add(TOPICS[0], sale, json.dumps(fields).encode())
        self.now += timedelta(milliseconds=100)

    def gone(self, sale: str, **was: str) -> None:
        """Adds a record that deletes a sale, and tells some of what it was."""
        fields = {"source": "till", "sale_id": sale, DELETED_FIELD: "true", **was}
        self._add(TOPICS[0], sale, json.dumps(fields).encode())
        self.now += timedelta(milliseconds=100)

    def before(self, boundary: datetime) -> list[Record]:
        """The records with an earlier log time."""
        return [record for record in self.records if record.log_time < boundary]

    def _change(self) -> tuple[str, str, bytes | None]:
        """A topic, a key and a payload."""
        draw = self._random.random()
        if draw < 0.05:
            return self._random.choice(TOPICS), "bad", self._random.choice(MALFORMED)
        gone = [key for key, sale in self._sales.items() if sale["deleted"]]
        if draw < 0.1 and gone:
            return self._written(self._random.choice(gone), deleted=False)
        if draw < 0.4 and self._sales:
            key = self._random.choice(list(self._sales))
            return self._written(key, deleted=self._random.random() < 0.3)
        where = self._random.choice(TOPICS)
        return self._written((where, f"s{len(self._sales)}"), deleted=False)

    def _written(self, key: tuple[str, str], *, deleted: bool) -> tuple[str, str, bytes]:
        self._sales[key] = {"deleted": deleted}
        fields: dict[str, object] = {
            "sale_id": key[1],
            "source": key[0].rpartition(".")[2],
            DELETED_FIELD: "true" if deleted else "false",
        }
        if not deleted or self._random.random() < 0.5:
            fields |= self._figures()
        return key[0], key[1], json.dumps(fields, ensure_ascii=False).encode()

    def _figures(self) -> dict[str, str | None]:
        draw = self._random
        country, city = draw.choice(PLACES)
        at = START - timedelta(seconds=draw.randrange(4 * 86_400), microseconds=draw.randrange(1_000_000))
        person = draw.randrange(4)
        return {
            "occurred_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "country": f" {country}",
            "city": city,
            "salesman_id": f"p{person}",
            "salesman": draw.choice([None, f"Person {person} the {draw.randrange(9)}th"]),
            "amount": f"{draw.randrange(-500, 10_000_000)}.{draw.randrange(100):02}",
            "currency": draw.choice(["EUR", "EUR", "PLN"]),
        }

    def _add(self, name: str, key: str, payload: bytes | None) -> None:
        self._put(name, zlib.crc32(key.encode()) % PARTITIONS, key.encode(), payload)

    def _put(self, name: str, partition: int, key: bytes, payload: bytes | None) -> None:
        offset = self._ends.get((name, partition), 0)
        self._ends[name, partition] = offset + 1
        self.records.append(Record(name, partition, offset, key, payload, self.now))


def partitions() -> frozenset[Partition]:
    """Those of every topic."""
    return frozenset(_partitions())


def _partitions() -> Iterator[Partition]:
    for each in TOPICS:
        for partition in range(PARTITIONS):
            yield each, partition
