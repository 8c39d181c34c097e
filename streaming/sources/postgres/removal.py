"""Deletes from the log the sales of a source that a reading of all its rows did not find."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException, Producer

from rankings.contract import DELETED_FIELD, MARK_FIELD
from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.postgres import log
from streaming.sources.postgres.definition import DELETED_COLUMN, PostgresSource
from streaming.sources.postgres.log import Record

SECONDS = 60.0

LATEST = """
CREATE TABLE latest (row TEXT PRIMARY KEY, part INTEGER, place INTEGER, gone INTEGER, seen INTEGER) WITHOUT ROWID
"""
NOTE = """
INSERT INTO latest VALUES (?, ?, ?, ?, ?)
ON CONFLICT (row) DO UPDATE SET
    part = excluded.part, place = excluded.place, gone = excluded.gone, seen = seen OR excluded.seen
"""
IS_UNSEEN = "SELECT 1 FROM latest WHERE row = ? AND part = ? AND place = ? AND NOT gone AND NOT seen"


def remove_unseen(chosen: Settings, source: PostgresSource, topic: str, begins: Mapping[int, int]) -> int:
    """Writes a deletion for every key whose last record is older than the reading; returns how many.

    Nobody else may write the topic meanwhile. Keys are kept in a file, so memory does not grow with the table.

    Args:
        begins: where the reading of all rows began, by partition.

    Raises:
        Retryable: the log does not answer; nothing was deleted then.
    """
    field = DELETED_COLUMN if source.is_mapped else DELETED_FIELD
    with tempfile.NamedTemporaryFile(prefix="tidelake-keys-") as file, closing(sqlite3.connect(file.name)) as keys:
        keys.execute("PRAGMA journal_mode = OFF")
        keys.execute(LATEST)
        for records in log.records(chosen, topic):
            keys.executemany(NOTE, _noted(records, field, begins))
        return _delete(chosen, source.name, _deletions(chosen, topic, keys, field))


def _noted(records: list[Record], field: str, begins: Mapping[int, int]) -> Iterator[tuple[str, int, int, bool, bool]]:
    for record in records:
        told = _told(record)
        if told:
            seen = record.offset >= begins.get(record.partition, 0)
            yield _row(record, told, field), record.partition, record.offset, told.get(field) in ("true", True), seen


def _told(record: Record) -> dict[str, Any]:
    """The fields of a record; none where it tells no row: a mark, or what nobody can read."""
    try:
        told = json.loads(record.value)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and MARK_FIELD not in told else {}


def _row(record: Record, told: Mapping[str, Any], field: str) -> str:
    """What a record is about: a replayed record of a sale has another key than Debezium's."""
    sale = told.get("sale_id") if field == DELETED_FIELD else None
    return f"sale {sale}" if isinstance(sale, str) else f"key {record.key.decode(errors='replace')}"


def _deletions(chosen: Settings, topic: str, keys: sqlite3.Connection, field: str) -> Iterator[Record]:
    """The last record of each row that the reading has not seen, told as a deletion."""
    for records in log.records(chosen, topic):
        for record in records:
            told = _told(record)
            place = (_row(record, told, field), record.partition, record.offset)
            if told and keys.execute(IS_UNSEEN, place).fetchone():
                value = json.dumps({**told, field: "true"}, ensure_ascii=False)
                yield replace(record, value=value.encode("utf-8", "replace"))


def _delete(chosen: Settings, source: str, deletions: Iterator[Record]) -> int:
    """One transaction with all deletions, each in the partition of its key."""
    options = {"bootstrap.servers": chosen.kafka, "transactional.id": f"tidelake-removal-{source}", "log_level": 2}
    producer, count = Producer(options), 0
    try:
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
        for count, record in enumerate(deletions, 1):  # noqa: B007 - it is returned
            _produce(producer, record)
        producer.commit_transaction(SECONDS)
    except KafkaException as error:
        raise Retryable("the log did not take the deletions", received=str(error)) from error
    return count


def _produce(producer: Producer, record: Record) -> None:
    while True:
        try:
            producer.produce(record.topic, record.value, record.key, record.partition)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)
