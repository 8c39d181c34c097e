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
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.settings import Settings
from streaming.sources.postgres import database, log
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

STILL_SECONDS = 30.0
"""Before a reading that stands still is gone on with, although the connector goes on reading changes."""

HELD_UP = "held_up"
"""What the record says while a reading stands still because of a transaction that is older than what was read last."""

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
    kept.record.snapshot |= {"chunks": asked, "seen_at": time.time(), "key": ""}
    kept.write()
    table = {f"{TABLES}_id": source.table, f"{TABLES}_additional_condition": None, f"{TABLES}_surrogate_key": None}
    request = {TABLES: json.dumps([table]), f"{PREFIX}correlation_id": asked, **kept.record.snapshot.get("reached", {})}
    connect.place(source.name, {**_without(position), **request})
    return True


def has_begun(position: Mapping[str, Any]) -> bool:
    """Whether a connector has a position in the stream of changes, with no reading in one transaction under way."""
    return "lsn" in position and position.get("snapshot") in (None, BETWEEN)


def is_read(source: PostgresSource, chosen: Settings, kept: Kept, connect: Connect, opened: Connection) -> bool:
    """Whether every row has been written; what has to be begun, or gone on with, is.

    Raises:
        Retryable: Connect or the log does not answer.
    """
    position = connect.position(source.name)
    if TABLES in position:
        _note(kept, position)
        if _stands_still(kept, position, opened):
            structlog.get_logger().warning("a reading in chunks stands still", source=source.name)
            _go_on(source, kept, connect)
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
        _go_on(source, kept, connect)
    return False


def _go_on(source: PostgresSource, kept: Kept, connect: Connect) -> None:
    connect.stop(source.name)
    position = connect.position(source.name)
    if TABLES in position:
        _note(kept, position)
    begin(source, kept, connect)
    connect.resume(source.name)


def _note(kept: Kept, position: Mapping[str, Any]) -> None:
    """How far it is, for a reading that breaks off: Debezium's own position is without it then."""
    now, key, told = time.time(), str(position.get(KEY) or NO_KEY), kept.record.snapshot
    if key.lower() != NO_KEY:
        told["reached"] = {KEY: key, MAXIMUM: position[MAXIMUM]}
    if told.get("key") != key:
        told |= {"key": key, "key_at": now, "transaction": _transaction(position), HELD_UP: False}
    told["seen_at"] = now
    kept.write()


def _stands_still(kept: Kept, position: Mapping[str, Any], opened: Connection) -> bool:
    """Whether a reading has to be gone on with although its connector runs.

    Debezium tells the rows of a chunk when it comes upon the transaction that was the server's next as they were read;
    or at once, if no older one was under way than the last that it had come upon. It does not see transactions of other
    databases, or of other tables. If the next was one of these, it waits for ever, unless a row of the table changes.

    Where it only takes long to read a chunk, it comes upon no other transaction meanwhile. Begun again while the older
    one is still under way, it would soon wait again.
    """
    told = kept.record.snapshot
    if _transaction(position) == told["transaction"] or time.time() - told["key_at"] < STILL_SECONDS:
        return False
    told[HELD_UP] = database.oldest_transaction(opened) <= _transaction(position)
    kept.write()
    return not told[HELD_UP]


def _transaction(position: Mapping[str, Any]) -> int:
    """The last transaction that the connector came upon."""
    return int(position.get("txId") or 0)


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
