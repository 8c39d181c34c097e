"""The ledger: one row a reconciliation, and the lock that lets only one run at a time."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg2 import InterfaceError, OperationalError
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)
from psycopg2.extensions import cursor as Cursor  # noqa: N812  (likewise)

from batch.certificate import Certificate, from_json
from batch.postgres import connected
from runtime.errors import Retryable

LOCK = 0x71DE1A4E
"""The advisory lock's number: any that nothing else in the database uses."""

LOCK_WAIT = "2s"
"""How long the lock is waited for."""

_BEGIN = """
INSERT INTO ledger (version, through, versions, status, certificate) OVERRIDING SYSTEM VALUE
VALUES (%(version)s, %(through)s, %(versions)s, 'running', %(certificate)s)
"""

DECIDED = "publishing"
"""The certificate's field that tells when answers are to be pinned to the version, until ClickHouse has the row."""

_HOLDER = """
SELECT application_name, backend_start
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s::bigint::oid AND granted
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger says of one version; `published_at` is when answers were last pinned to it."""

    version: int
    status: str
    started_at: datetime
    finished_at: datetime | None
    published_at: datetime | None
    error: str | None
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Left:
    """A version that is neither published nor given up.

    Attributes:
        version: its number.
        held: whether it is complete and waits for its drift to be accepted: then nobody writes to it any more. The
            process that began any other may still be at work.
        certificate: what its run had come to.
    """

    version: int
    held: bool
    certificate: Certificate


class Ledger:
    """The ledger's rows, for the one process that holds the lock.

    The lock is the connection's: whatever is written here is written by who holds it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_version(self, newest: int) -> int:
        """A version greater than `newest` and every row's."""
        (last,) = self._rows("SELECT coalesce(max(version), 0) FROM ledger")[0]
        return max(int(last), newest) + 1

    def begin(self, version: int, certificate: Certificate) -> None:
        """A new row for a run."""
        kept = json.dumps(certificate.as_json())
        row = {"version": version, "through": certificate.through, "versions": list(certificate.versions)}
        self._run(_BEGIN, {**row, "certificate": kept})

    def unfinished(self) -> list[Left]:
        """Versions that are neither published nor given up."""
        rows = self._rows(
            "SELECT version, status = 'held', certificate FROM ledger "
            "WHERE status IN ('running', 'held') ORDER BY version"
        )
        return [Left(int(version), held, from_json(kept)) for version, held, kept in rows]

    def is_undecided(self, version: int) -> bool:
        """Whether a version is neither published nor about to be."""
        rows = self._rows(
            "SELECT 1 FROM ledger WHERE version = %(version)s AND status != 'published' "
            "AND NOT certificate ? %(decided)s",
            {"version": version, "decided": DECIDED},
        )
        return bool(rows)

    def decide(self, version: int, at: datetime) -> None:
        """Decides that answers are pinned to a version from a time on; `published` says that it is done."""
        self._run(
            "UPDATE ledger SET certificate = certificate || jsonb_build_object(%(decided)s::text, %(at)s::text) "
            "WHERE version = %(version)s",
            {"version": version, "decided": DECIDED, "at": at.isoformat()},
        )

    def decided(self) -> list[tuple[int, datetime, Certificate]]:
        """Versions that were decided to be published, and whether it was done is not known; with their times."""
        rows = self._rows(
            "SELECT version, certificate ->> %(decided)s AS at, certificate FROM ledger "
            "WHERE certificate ? %(decided)s ORDER BY at",
            {"decided": DECIDED},
        )
        return [(int(version), datetime.fromisoformat(at), from_json(kept)) for version, at, kept in rows]

    def certificate(self, version: int) -> Certificate | None:
        """What a version's run has proved; None if there is no such row."""
        rows = self._rows("SELECT certificate FROM ledger WHERE version = %(version)s", {"version": version})
        return from_json(rows[0][0]) if rows else None

    def rows(self) -> list[Row]:
        """Every version, the greatest first."""
        found = self._rows(
            "SELECT version, status, started_at, finished_at, published_at, error, certificate "
            "FROM ledger ORDER BY version DESC"
        )
        return [
            Row(version, status, started, finished, published, error, from_json(kept))
            for version, status, started, finished, published, error, kept in found
        ]

    def failed(self) -> list[int]:
        """The versions that came to nothing."""
        rows = self._rows("SELECT version FROM ledger WHERE status = 'failed' ORDER BY version")
        return [int(version) for (version,) in rows]

    def certify(self, version: int, certificate: Certificate) -> None:
        """Keeps what the run has come to; whoever takes it up goes on from there."""
        bound = {"version": version, "kept": json.dumps(certificate.as_json())}
        self._run(
            "UPDATE ledger SET certificate = %(kept)s, status = 'running', error = NULL WHERE version = %(version)s",
            bound,
        )

    def published(self, version: int, at: datetime) -> None:
        """Closes a row whose version is published."""
        self._run(
            "UPDATE ledger SET status = 'published', published_at = %(at)s, error = NULL, "
            "finished_at = coalesce(finished_at, now()), certificate = certificate - %(decided)s "
            "WHERE version = %(version)s",
            {"version": version, "at": at, "decided": DECIDED},
        )

    def interrupted(self, version: int, reason: str, *, held: bool = False) -> None:
        """Says why a run has ended before its time; it can be taken up."""
        status = "held" if held else "running"
        bound = {"version": version, "reason": reason, "status": status}
        self._run("UPDATE ledger SET status = %(status)s, error = %(reason)s WHERE version = %(version)s", bound)

    def clear(self, version: int) -> None:
        """Removes what a version has brought beside its row."""
        self._run("DELETE FROM totals WHERE version = %(version)s", {"version": version})
        self.clear_drift(version)

    def clear_drift(self, version: int) -> None:
        """Removes the drift that was kept of a version."""
        self._run("DELETE FROM drift WHERE version = %(version)s", {"version": version})

    def fail(self, version: int, reason: str) -> None:
        """Closes a row whose run came to nothing, and removes what it had brought."""
        self.clear(version)
        self._run(
            "UPDATE ledger SET status = 'failed', finished_at = now(), error = %(reason)s WHERE version = %(version)s",
            {"version": version, "reason": reason},
        )

    def boundary_before(self, version: int) -> datetime | None:
        """The boundary of the publication before a version; None if there is none."""
        rows = self._rows(
            "SELECT through FROM ledger WHERE published_at < "
            "(SELECT published_at FROM ledger WHERE version = %(version)s) ORDER BY published_at DESC LIMIT 1",
            {"version": version},
        )
        return rows[0][0] if rows else None

    def zone_before(self, version: int) -> str | None:
        """The business time zone of the version last published apart from one; None if there is none."""
        rows = self._rows(
            "SELECT certificate ->> 'zone' FROM ledger WHERE published_at IS NOT NULL AND version != %(version)s "
            "ORDER BY published_at DESC LIMIT 1",
            {"version": version},
        )
        return rows[0][0] if rows else None

    def forget_totals(self, kept: Iterable[int]) -> None:
        """Removes the totals and the drift of versions that are not kept."""
        bound = {"kept": list(kept)}
        self._run("DELETE FROM totals WHERE version != ALL(%(kept)s)", bound)
        self._run("DELETE FROM drift WHERE version != ALL(%(kept)s)", bound)

    def cared(self, live_kept_from: datetime) -> None:
        """Notes from when on all live deltas are there, with days of one business time zone."""
        self._run("INSERT INTO care (live_kept_from) VALUES (%(at)s)", {"at": live_kept_from})

    def live_kept_from(self) -> datetime | None:
        """From when on all live deltas are there; None if none was ever dropped."""
        at: datetime | None = self._rows("SELECT max(live_kept_from) FROM care")[0][0]
        return at

    def check(self) -> None:
        """Makes sure that the lock is still held: it ends with its connection.

        Raises:
            Retryable: the connection is gone.
        """
        self._rows("SELECT 1")

    def _rows(self, text: str, bound: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor:
            cursor.execute(text, bound)
            return cursor.fetchall()

    def _run(self, text: str, bound: Mapping[str, object]) -> None:
        with self._cursor() as cursor:
            cursor.execute(text, bound)

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        """Raises Retryable where the connection, and the lock with it, is gone."""
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except (OperationalError, InterfaceError) as error:
            if not self._connection.closed:
                raise
            raise Retryable(
                "the ledger's connection has ended, and with it the lock that lets one reconciliation run at a time",
                received=str(error).strip(),
                todo="run it again: what another one has done meanwhile stays",
            ) from error


@contextmanager
def opened(dsn: str) -> Iterator[Ledger]:
    """The ledger, with its lock.

    Raises:
        Retryable: PostgreSQL does not answer, or another reconciliation is running; the error says whose.
    """
    with connected(dsn, _my_name(), autocommit=True) as connection:
        _lock(connection)
        yield Ledger(connection)


@contextmanager
def reading(dsn: str) -> Iterator[Ledger]:
    """The ledger without its lock, for those who only look.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    with connected(dsn, autocommit=True) as connection:
        yield Ledger(connection)


def _lock(connection: Connection) -> None:
    """Waits a moment: the server may not have noticed yet that the holder is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = %s", (LOCK_WAIT,))
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except LockNotAvailable:
            raise _held(connection) from None
        cursor.execute("RESET lock_timeout")


def _held(connection: Connection) -> Retryable:
    with connection.cursor() as cursor:
        cursor.execute(_HOLDER, (LOCK,))
        who, since = cursor.fetchone() or ("one that has just ended", datetime.now(UTC))
    text = f"{who}, since {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Retryable("another reconciliation is running", received=text, todo="wait until it has ended, then run again")


def _my_name() -> str:
    """How this process is called in the list of connections (PostgreSQL keeps 63 bytes)."""
    return f"tidelake reconcile, process {os.getpid()} on {socket.gethostname()}"[:63]
