"""A reading of all rows in chunks, beside the stream of changes: Debezium's incremental snapshot.

It is asked for by what Debezium itself keeps of one: a field of the connector's position, which Connect keeps. So the
request, how far the reading is and what was read are one thing, and no crash makes it begin anew or run twice. A signal
would be read again where Connect died before it had noted that it was read.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from runtime.settings import Settings
from streaming.sources.postgres import log
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.connector import NOTIFICATIONS
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.kept import Kept

PREFIX = "incremental_snapshot_"
TABLES = f"{PREFIX}collections"
"""The field of a position that is there as long as chunks are being read."""

KEY, MAXIMUM = f"{PREFIX}primary_key", f"{PREFIX}maximum_key"
NO_KEY = "aced000570"
"""Java's way of writing nothing: since it was started, the connector has told no row of the reading yet."""

WHOLE = ("SUCCEEDED", "EMPTY")
"""How the reading of a table ends well; otherwise Debezium passes over the rest of its rows, and goes on."""

BETWEEN = "INCREMENTAL"
"""What a position says of a snapshot between the rows of a chunk."""

AGAIN_SECONDS = 30.0
"""Before what broke off is gone on with, which restarts the connector."""

FORGOTTEN_SECONDS = 120.0
"""The same where Debezium says nothing: started again, it tells positions without the reading for some seconds."""

UNKNOWN = "unknown"


def begin(source: PostgresSource, kept: Kept, connect: Connect) -> bool:
    """Has the connector read all rows when it runs again; it must be stopped. False where it has no position yet.

    Called again, it replaces the request; where a reading broke off, the next goes on behind the last row it had told.
    """
    position = connect.position(source.name)
    if not has_begun(position):
        return False
    asked = str(uuid.uuid4())
    # Remembered first: what nobody has asked for under this name is asked for again.
    kept.record.snapshot |= {"chunks": asked, "seen_at": time.time()}
    kept.write()
    table = {f"{TABLES}_id": source.table, f"{TABLES}_additional_condition": None, f"{TABLES}_surrogate_key": None}
    request = {TABLES: json.dumps([table]), f"{PREFIX}correlation_id": asked, **kept.record.snapshot.get("reached", {})}
    connect.place(source.name, {**_without(position), **request})
    return True


def has_begun(position: Mapping[str, Any]) -> bool:
    """Whether a connector has a position in the stream of changes, with no reading in one transaction under way."""
    return "lsn" in position and position.get("snapshot") in (None, BETWEEN)


def is_read(source: PostgresSource, chosen: Settings, kept: Kept, connect: Connect) -> bool:
    """Whether every row has been written; what has to be begun, or gone on with, is.

    Raises:
        Retryable: Connect or the log does not answer.
    """
    position = connect.position(source.name)
    if TABLES in position:
        _note(kept, position)
        return False
    asked = kept.record.snapshot.get("chunks")
    if asked:
        ended = _ended(chosen, asked)
        if ended in WHOLE:
            return True
        patience = FORGOTTEN_SECONDS if ended == UNKNOWN else AGAIN_SECONDS
        if time.time() - kept.record.snapshot["seen_at"] < patience:
            return False
        structlog.get_logger().warning("a reading in chunks broke off", source=source.name, why=ended)
    if has_begun(position):
        connect.stop(source.name)
        begin(source, kept, connect)
        connect.resume(source.name)
    return False


def _note(kept: Kept, position: Mapping[str, Any]) -> None:
    """How far it is, for a reading that breaks off: Debezium's own position is without it then."""
    key = str(position.get(KEY) or NO_KEY)
    if key.lower() != NO_KEY:
        kept.record.snapshot["reached"] = {KEY: key, MAXIMUM: position[MAXIMUM]}
    kept.record.snapshot["seen_at"] = time.time()
    kept.write()


def _without(position: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in position.items() if not name.startswith(PREFIX) and "snapshot" not in name}


def _ended(chosen: Settings, asked: str) -> str:
    """How the reading of the table ended, in Debezium's words."""
    ends = (
        told["additional_data"]["status"]
        for told in _notifications(chosen)
        if (told.get("id"), told.get("type")) == (asked, "TABLE_SCAN_COMPLETED")
    )
    return next(ends, UNKNOWN)


def _notifications(chosen: Settings) -> Iterator[dict[str, Any]]:
    for records in log.records(chosen, NOTIFICATIONS):
        yield from (json.loads(record.value) for record in records)
