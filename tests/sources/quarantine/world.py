"""A log and a quarantine to try things on: records as sources, stream and batch refuse them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from confluent_kafka import Message, Producer

from rankings.contract import Rejected, parse
from runtime.settings import Settings
from streaming.quarantine.records import Record, Wanted
from streaming.quarantine.replay import Replayer
from streaming.quarantine.store import Quarantine, quarantine
from streaming.sinks.clickhouse import refused_to_arrow
from streaming.sources.definition import Source
from streaming.sources.fields import Fields
from streaming.sources.files.definition import FilesSource
from streaming.sources.mapping import Mapper
from streaming.sources.records import Row

GOOD = {
    "sale_id": "7",
    "occurred_at": "2026-03-01T10:00:00Z",
    "country": "Germany",
    "city": "Köln",
    "salesman_id": "s1",
    "amount": "12.30",
    "currency": "EUR",
}


def files_source(name: str, **fields: object) -> Source:
    return FilesSource(name=name, kind="files", folder="/sales", fields=Fields.model_validate(fields))


def refused(source: Source, *told: dict[str, Any]) -> list[Any]:
    """What the mapping refuses of these records, one a line."""
    rows = [Row(f"sales.csv line {at}", each, json.dumps(each).encode()) for at, each in enumerate(told, 2)]
    return Mapper(source).map(rows).refused


@dataclass
class World:
    """The servers, and the quarantine over them."""

    settings: Settings
    held: Quarantine
    client: Any

    def produce(
        self, topic: str, *payloads: dict[str, Any] | bytes, key: bytes = b"k", partition: int = 0
    ) -> list[Any]:
        """Writes payloads into the log, all in one batch; the messages that the log took."""
        taken: list[Message] = []
        producer = Producer({"bootstrap.servers": self.settings.kafka, "linger.ms": 50})
        for each in payloads:
            value = each if isinstance(each, bytes) else json.dumps(each).encode()
            producer.produce(topic, value, key, partition, on_delivery=lambda error, message: taken.append(message))
        assert producer.flush(20) == 0
        assert [each.error() for each in taken] == [None] * len(payloads)
        return taken

    def refuse(self, *messages: Any, hop: str = "stream") -> list[str]:
        """Has the live job's sink, or the batch, refuse records of the log; their ids."""
        rows = []
        for each in messages:
            said = parse(each.value())
            assert isinstance(said, Rejected)
            position = (each.topic(), each.partition(), each.offset(), each.timestamp()[1])
            rows.append((*position, said.field or "", said.reason, each.key(), each.value()))
        table = refused_to_arrow(*(pd.Series(list(each)) for each in zip(*rows, strict=True)))
        if hop != "stream":
            table = table.set_column(table.schema.get_field_index("hop"), "hop", [[hop] * len(rows)])
        self.client.insert_arrow("quarantine", table)
        return [f"{each.topic()}/{each.partition()}/{each.offset()}" for each in messages]

    def replayer(self, *sources: Source) -> Replayer:
        """Knows these sources alone."""
        known = {each.name: each for each in sources}
        return Replayer(self.settings, self.held, known.__getitem__, "ann@till")

    def one(self, source: str, state: str = "") -> Record:
        """The one record of a source."""
        (found,) = self.held.search(Wanted(state, source), 10)
        return found

    def states(self, *ids: str) -> list[str]:
        return [each.state for each in self.held.records(list(ids))]


def bad(source: str, sale_id: str, **more: object) -> dict[str, Any]:
    """A payload of the log whose amount is a number."""
    return {**GOOD, "source": source, "sale_id": sale_id, "amount": 1.5, **more}


def good(source: str, sale_id: str, **more: object) -> dict[str, Any]:
    return {**GOOD, "source": source, "sale_id": sale_id, **more}


def fresh(name: str) -> str:
    """A name that no other test has used."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


@contextmanager
def world(settings: Settings) -> Iterator[World]:
    with quarantine() as held:
        yield World(settings, held, held._client)


def just_now(moment: datetime) -> bool:
    return abs((datetime.now(UTC) - moment).total_seconds()) < 60
