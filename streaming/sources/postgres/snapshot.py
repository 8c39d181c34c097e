"""A reading of all rows, asked for by a person or at a source's beginning; every step of it can be done again.

    asked ► reading ► removing ► done
      lost: the replication slot is gone, and nothing goes on before a reading is asked for

Reading writes every row that is there once more; afterwards the sales that were not written, and so are not there any
more, are deleted. While that is decided, the connector is stopped, so nobody else writes the topic.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import structlog
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.settings import Settings
from streaming.sources.postgres import chunks, database, log
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.kept import Kept
from streaming.sources.postgres.removal import remove_unseen

ASKED, READING, REMOVING, DONE, LOST = "asked", "reading", "removing", "done", "lost"
UNDER_WAY = (ASKED, READING, REMOVING)


def ask(kept: Kept, reason: str, *, anew: bool) -> None:
    """Asks for a reading of all rows.

    Args:
        reason: why, for people.
        anew: whether the slot and what the connector has read are given up: always where the slot is lost.
    """
    lost = kept.record.snapshot.get("phase") == LOST
    kept.record.snapshot = {
        "phase": ASKED,
        "id": str(uuid.uuid4()),
        "reason": reason,
        "anew": anew or lost,
        "asked_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    kept.write()


def begin(kept: Kept) -> None:
    """Notes that the first reading of a source's rows begins with its connector: nothing is there to be removed."""
    kept.record.snapshot = {"phase": READING, "id": str(uuid.uuid4()), "reason": "the source is new", "from": {}}
    kept.write()


def advance(source: PostgresSource, chosen: Settings, kept: Kept, opened: Connection) -> None:
    """Does the next step, if its time has come.

    Raises:
        Retryable: something did not answer; the step is done again.
    """
    connect, phase = Connect(chosen), kept.record.snapshot["phase"]
    if phase == ASKED:
        _start(source, chosen, kept, opened, connect)
    elif phase == READING:
        if _is_read(source, chosen, kept, connect, opened):
            _enter(kept, REMOVING if kept.record.snapshot["from"] else DONE)
    elif phase == REMOVING:
        _finish(source, chosen, kept, connect)


def _start(source: PostgresSource, chosen: Settings, kept: Kept, opened: Connection, connect: Connect) -> None:
    connect.stop(source.name)
    kept.record.tables = files_of(source, opened)
    kept.record.snapshot["from"] = {source.written[0]: log.ends(chosen, source.written[0])}
    if kept.record.snapshot["anew"] or source.snapshot == "whole":
        database.drop_slot(opened, source.slot_name)
        connect.forget_offsets(source.name)
    else:
        chunks.begin(source, kept, connect)
    _enter(kept, READING)
    connect.resume(source.name)


def _finish(source: PostgresSource, chosen: Settings, kept: Kept, connect: Connect) -> None:
    connect.stop(source.name)
    for topic, begins in kept.record.snapshot["from"].items():
        removed = remove_unseen(chosen, source, topic, {int(number): offset for number, offset in begins.items()})
        kept.record.snapshot["removed"] = removed
    _enter(kept, DONE)
    connect.resume(source.name)


def _enter(kept: Kept, phase: str) -> None:
    kept.record.snapshot["phase"] = phase
    kept.record.snapshot[f"{phase}_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    kept.write()
    structlog.get_logger().info(
        "a reading of all rows goes on", **{name: kept.record.snapshot.get(name) for name in ("phase", "reason")}
    )


def files_of(source: PostgresSource, opened: Connection) -> dict[str, int]:
    """The files of the rows of every table of a source."""
    return database.files(database.tables(opened, source.tables))


def _is_read(source: PostgresSource, chosen: Settings, kept: Kept, connect: Connect, opened: Connection) -> bool:
    """Whether every row has been written."""
    if source.snapshot == "chunks":
        return chunks.is_read(source, chosen, kept, connect, opened)
    return chunks.has_begun(connect.position(source.name))
