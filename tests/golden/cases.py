"""Reads the golden cases (`*.yaml` beside this file): the records of a log, and the answers that they lead to.

A file is one case:

    title: what it shows, as a sentence
    zone: Europe/Berlin              # business time zone; UTC if absent
    records:                         # in the order of the log, a second after the one before unless `at` says otherwise
      - sale: {sale_id: "1", city: Hamburg}      # what is absent is as in BASE
      - delete: "1"                              # of BASE's source, or `source: ...` beside it
      - raw: "[1]"                               # a payload as it is
      - mark: true
      - again: [1, 2]                            # records of this list, numbered from 1, delivered once more
        topic: cdc.public.sales                  # any record; events.files if absent
    answers:
      - ranking: top-sales-per-city
        asked: {currency: EUR, country: Germany, first_day: 2026-03-01, last_day: 2026-03-01, limit: 3}
        entries:
          - [1, Germany, Hamburg, "10.00", 1]    # rank, the subject, amount, sales
    refused:                                     # the records that the contract refuses
      - [3, amount, "amount: received"]          # number, field, beginning of the reason
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from rankings.catalogue import ranking
from rankings.contract import DELETED_FIELD, Parsed, parse
from rankings.oracle import Entry, Filter
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale

BASE = {
    "source": "till",
    "sale_id": "1",
    "occurred_at": "2026-03-01T10:00:00Z",
    "country": "Germany",
    "city": "Berlin",
    "salesman_id": "DE-1",
    "salesman": "Ada",
    "amount": "10.00",
    "currency": "EUR",
}
"""A sale that keeps the contract."""

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log, as an engine reads it."""

    topic: str
    partition: int
    offset: int
    log_time: datetime
    key: bytes
    payload: bytes

    @property
    def parsed(self) -> Parsed:
        """What the contract says of it."""
        return parse(self.payload)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that the case's records lead to."""

    ranking: Ranking
    asked: Filter
    entries: list[Entry]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that the contract refuses: which (counted from 0), for which field, and how the reason begins."""

    record: int
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """One golden case."""

    name: str
    title: str
    zone: ZoneInfo
    records: tuple[Record, ...]
    answers: tuple[Answer, ...]
    refused: tuple[Refusal, ...]

    def changes(self) -> list[tuple[datetime, Sale | Deletion]]:
        """The records that say something of a sale, each with its log time, in the order of the log."""
        parsed = ((record.log_time, record.parsed) for record in self.records)
        return [(time, said) for time, said in parsed if isinstance(said, Sale | Deletion)]

    def answers_of(self, ranking: Ranking) -> list[Answer]:
        """The answers of one ranking."""
        return [answer for answer in self.answers if answer.ranking == ranking]

    def boundaries(self) -> list[datetime]:
        """Every whole second at which the log can be cut: before, between and after all records."""
        seconds = sorted({record.log_time.replace(microsecond=0) for record in self.records})
        return [*seconds, (seconds[-1] if seconds else START) + timedelta(seconds=1)]

    def __str__(self) -> str:
        return self.name


@cache
def load() -> tuple[Case, ...]:
    """All golden cases, by name."""
    return tuple(_case(path) for path in sorted(Path(__file__).parent.glob("*.yaml")))


def _case(path: Path) -> Case:
    told = yaml.safe_load(path.read_text())
    unknown = set(told) - {"title", "zone", "records", "answers", "refused"}
    assert not unknown, f"{path.name}: unknown {unknown}"
    return Case(
        name=path.stem,
        title=told["title"],
        zone=ZoneInfo(told.get("zone", "UTC")),
        records=tuple(_placed(list(_records(told["records"])))),
        answers=tuple(_answer(each) for each in told["answers"]),
        refused=tuple(Refusal(number - 1, field, reason) for number, field, reason in told.get("refused", [])),
    )


@dataclass(frozen=True, slots=True)
class _Unplaced:
    """A record before it has a place in the log."""

    topic: str
    at: datetime | None
    key: str
    payload: bytes


def _records(told: list[dict[str, Any]]) -> Iterator[_Unplaced]:
    made: list[_Unplaced] = []
    for each in told:
        records = [made[number - 1] for number in each["again"]] if "again" in each else [_record(each)]
        for record in records:
            made.append(_Unplaced(record.topic, each.get("at"), record.key, record.payload))
            yield made[-1]


def _record(told: dict[str, Any]) -> _Unplaced:
    where = told.get("topic", "events.files")
    if "raw" in told:
        return _Unplaced(where, None, "raw", str(told["raw"]).encode())
    if "mark" in told:
        return _Unplaced(where, None, "mark", b'{"mark": "2026-03-01T12:00:00Z"}')
    if "delete" in told:
        fields = {"source": told.get("source", BASE["source"]), "sale_id": told["delete"], DELETED_FIELD: "true"}
    else:
        fields = BASE | told["sale"]
    key = json.dumps([fields.get("source"), fields.get("sale_id")])
    return _Unplaced(where, None, key, json.dumps(fields, ensure_ascii=False).encode())


def _placed(records: list[_Unplaced]) -> Iterator[Record]:
    """Gives each record its partition by key, the next offset there, and its log time."""
    offsets: dict[tuple[str, int], int] = {}
    time = START - timedelta(seconds=1)
    for record in records:
        time = record.at.replace(tzinfo=UTC) if record.at else time + timedelta(seconds=1)
        partition = zlib.crc32(record.key.encode()) % PARTITIONS
        offset = offsets.get((record.topic, partition), 0)
        offsets[record.topic, partition] = offset + 1
        yield Record(record.topic, partition, offset, time, record.key.encode(), record.payload)


def _answer(told: dict[str, Any]) -> Answer:
    return Answer(
        ranking=ranking(told["ranking"]),
        asked=Filter(**({"currency": "EUR"} | told.get("asked", {}))),
        entries=[
            Entry(rank, tuple(subject), Decimal(amount), sales) for rank, *subject, amount, sales in told["entries"]
        ],
    )
