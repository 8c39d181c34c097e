"""Keeps a source's connector registered and running, and tells how it fares: what its keeper does again and again.

The user's database is never changed here, except for the source's own replication slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import structlog
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.postgres import chunks, database, snapshot
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.connector import NOTIFICATIONS, connector_settings
from streaming.sources.postgres.database import Slot, Table
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.kept import Kept, kept
from streaming.sources.postgres.shape import drift, missing
from streaming.sources.state import BY_OPERATOR
from streaming.topics import make, make_topics, topic_settings

log = structlog.get_logger()

SMALL_TABLE_BYTES = 64 * 1024 * 1024
"""A table up to this size is read again without being asked for once its rows were written anew."""

OLDER = (
    "the reading of all rows stands still while transactions stay open for seconds on the source's server,"
    " in any of its databases: see backend_xid in pg_stat_activity, and pg_prepared_xacts"
)

LOST_SLOT = re.compile(r"can no longer access replication slot|slot .* does not exist|slot is ahead")


@dataclass(frozen=True, slots=True)
class Health:
    """How a source fares.

    Attributes:
        state: `stopped` until a person does something.
        alarm: what a person has to know, and to do; empty if nothing.
        detail: bytes of the write-ahead log not yet read (`lag_bytes`), kept for this source (`kept_bytes`) and free
            before its slot is lost (`safe_wal_size`); the phase of a reading of all rows.
    """

    state: Literal["running", "waiting", "retrying", "stopped"]
    alarm: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def tend(source: PostgresSource, chosen: Settings) -> Health:
    """Does what the source needs now. Called again, it changes nothing that is right already.

    Raises:
        Retryable: Connect, Kafka or a database does not answer.
        Permanent: the definition cannot be used.
    """
    with kept(chosen, source.name) as record, database.connected(source, chosen) as opened:
        slot = database.slot(opened, source.slot_name)
        state, alarm = _Tending(source, chosen, record, opened).done(slot)
        return Health(state, alarm, {**_detail(slot), "snapshot": record.record.snapshot.get("phase", "")})


State = Literal["running", "waiting", "retrying", "stopped"]


class _Tending:
    """One round of tending a source."""

    def __init__(self, source: PostgresSource, chosen: Settings, record: Kept, opened: Connection) -> None:
        self._source, self._chosen, self._record, self._opened = source, chosen, record, opened
        self._connect = Connect(chosen)

    def done(self, slot: Slot | None) -> tuple[State, str]:
        """Does what is needed now; the state, and what a person has to know."""
        name = self._source.name
        if self._connect.present(name) is None:
            wanting = list(missing(self._source, self._opened))
            if wanting:
                return "waiting", "; ".join(wanting)
            self._prepare()
        self._connect.put(connector_settings(self._source, self._chosen, topic_options(self._chosen)))
        self._notice_loss(slot)
        phase = self._record.record.snapshot.get("phase")
        if phase == snapshot.LOST:
            return "stopped", self._given_up()
        if phase in snapshot.UNDER_WAY:
            snapshot.advance(self._source, self._chosen, self._record, self._opened)
        return self._running()

    def _prepare(self) -> None:
        """What has to be there before the connector: its topics, and what its tables are like now."""
        make(self._chosen, {NOTIFICATIONS: {"cleanup.policy": "delete"}}, partitions=1)
        make_topics(self._chosen, self._source.written)
        if not self._record.record.snapshot:
            self._record.record.tables = snapshot.files_of(self._source, self._opened)
            snapshot.begin(self._record)

    def _notice_loss(self, slot: Slot | None) -> None:
        """A slot that is gone, given up by the server or made anew has lost changes: remembered, and not passed."""
        if self._record.record.snapshot.get("phase") in (snapshot.LOST, snapshot.ASKED):
            return
        name, position = self._source.name, {}
        if slot is None:
            position = self._connect.position(name)
            # A slot is there before there is a position in it: one that was made since the first look is not lost.
            slot = database.slot(self._opened, self._source.slot_name)
        why = _loss(slot, position, self._connect.status(name))
        if why:
            log.error("a replication slot is lost", source=name, slot=self._source.slot_name, why=why)
            self._record.record.snapshot = {"phase": snapshot.LOST, "why": why}
            self._record.write()

    def _given_up(self) -> str:
        name = self._source.name
        if any(part["state"] != "STOPPED" for part in self._connect.status(name)):
            self._connect.stop(name)
        why = self._record.record.snapshot["why"]
        todo = f"changes were lost: run `tidelake sources resnapshot {name}`"
        return f"the replication slot {self._source.slot_name} is lost: {why}; {todo}"

    def _running(self) -> tuple[State, str]:
        name = self._source.name
        parts = self._connect.status(name)
        if any(part["state"] == "STOPPED" for part in parts):
            self._connect.resume(name)
        failed = next((part for part in parts if part["state"] == "FAILED"), None)
        if failed:
            self._connect.restart_failed(name)
            return "retrying", _reason(str(failed.get("trace", "")))
        if len(parts) < 2 or any(part["state"] != "RUNNING" for part in parts):
            return "waiting", "the connector has no running task yet"
        return "running", "; ".join(self._alarms())

    def _alarms(self) -> Iterator[str]:
        tables = database.tables(self._opened, self._source.tables)
        yield from drift(self._source, self._opened, tables)
        rewritten = self._rewritten(database.files(tables))
        told = self._record.record.snapshot
        reads = told.get("phase") in snapshot.UNDER_WAY
        if reads and told.get(chunks.HELD_UP):
            yield OLDER
        if rewritten and not reads:
            yield self._read_again(", ".join(rewritten), tables.get(self._source.table))

    def _rewritten(self, now: Mapping[str, int]) -> list[str]:
        """The tables and partitions with another file than when their rows were read, or when they were first seen."""
        before = self._record.record.tables
        if now.keys() - before.keys():
            # A partition that is made later is told by the changes that fill it, from then on.
            self._record.record.tables = before = {**now, **before}
            self._record.write()
        return sorted(name for name, file in now.items() if before[name] != file)

    def _read_again(self, names: str, table: Table | None) -> str:
        """Only a table that is soon read is read without being asked for: the rest costs the database too much."""
        what = f"the rows of {names} were written anew (TRUNCATE, or another type of a column)"
        if table is None or table.bytes > SMALL_TABLE_BYTES:
            return f"{what}: run `tidelake sources resnapshot {self._source.name}`"
        snapshot.ask(self._record, what, anew=False)
        return f"{what}: all rows are read again"


def topic_options(chosen: Settings) -> dict[str, str]:
    """The settings of topics that Connect makes by itself."""
    return {"replication.factor": "1", "partitions": "1", **topic_settings(chosen)}


def _detail(slot: Slot | None) -> dict[str, Any]:
    told = asdict(slot) if slot else {"wal_status": "missing"}
    kept_fields = ("active", "wal_status", "lag_bytes", "kept_bytes", "safe_wal_size")
    return {name: told[name] for name in kept_fields if name in told}


def _loss(slot: Slot | None, position: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    if slot is not None and slot.is_lost:
        return "the server has thrown away changes that were not read (see max_slot_wal_keep_size)"
    if slot is None and chunks.has_begun(position):
        return "somebody dropped it, or the server was replaced"
    traces = [str(part.get("trace", "")) for part in parts if part["state"] == "FAILED"]
    return "it was made anew, behind what was read last" if any(LOST_SLOT.search(trace) for trace in traces) else ""


def _reason(trace: str) -> str:
    """The innermost cause of a Java trace, which is the one that says what happened."""
    causes = re.findall(r"^Caused by: (.*)$", trace, re.MULTILINE)
    return (causes[-1] if causes else trace.partition("\n")[0])[:300]


def resnapshot(source: PostgresSource, chosen: Settings) -> None:
    """Asks for a reading of all rows; whoever tends the source does it.

    Raises:
        Retryable: the platform's database does not answer, or the source is tended at this moment.
    """
    with kept(chosen, source.name) as record:
        snapshot.ask(record, "asked for by a person", anew=source.snapshot == "whole")


def forget(chosen: Settings, names: set[str]) -> list[str]:
    """Ends the connectors of sources that are defined no more; their slots stay until the database's owner drops them.

    Args:
        names: the sources that are defined.

    Raises:
        Retryable: Connect does not answer.
    """
    connect = Connect(chosen)
    ended = [name for name in connect.ours() if name not in names]
    for name in ended:
        connect.delete(name)
        log.warning("a source is defined no more; its replication slot is still there", source=name)
    return ended


def rest(source: PostgresSource, chosen: Settings) -> Health:
    """Ends what reads a source that an operator has stopped; its slot keeps what changes meanwhile.

    Raises:
        Retryable: Connect does not answer.
    """
    connect = Connect(chosen)
    if any(part["state"] != "STOPPED" for part in connect.status(source.name)):
        connect.stop(source.name)
    return Health("stopped", f"{BY_OPERATOR}; its replication slot keeps what changes meanwhile")


def check_running(source: PostgresSource, chosen: Settings) -> None:
    """Raises Retryable unless the source's connector, if there is one and nobody has stopped it, is running."""
    parts = Connect(chosen).status(source.name)
    if not parts or parts[0]["state"] == "STOPPED":
        return
    if len(parts) < 2 or any(part["state"] != "RUNNING" for part in parts):
        states = ", ".join(part["state"] for part in parts)
        raise Retryable(f"the connector of {source.name} does not run", received=states, todo="`tidelake sources`")


def running(source: PostgresSource, chosen: Settings) -> None:
    """Raises Retryable unless the source runs, with its replication slot made."""
    health = tend(source, chosen)
    if health.state != "running" or health.detail.get("wal_status") == "missing":
        raise Retryable(f"the source {source.name} is {health.state}", received=health.alarm or "no slot yet")
