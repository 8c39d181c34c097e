"""The ledger: one row a reconciliation, and the lock that lets only one run at a time."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)

from batch.postgres import connected
from runtime.errors import Retryable

LOCK = 0x71DE1A4E
"""The advisory lock's number: any that nothing else in the database uses."""

LOCK_WAIT = "2s"
"""How long the lock is waited for."""

_BEGIN = """
INSERT INTO ledger (version, through, base_version, status) OVERRIDING SYSTEM VALUE
VALUES (
    greatest((SELECT coalesce(max(version), 0) FROM ledger), %(newest)s) + 1,
    %(through)s, (SELECT version FROM ledger WHERE version = %(base)s), 'running'
) RETURNING version
"""

_HOLDER = """
SELECT application_name, backend_start
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 0 AND objid = %s::bigint::oid AND granted
"""


class Ledger:
    """The ledger's rows, for the one process that holds the lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, through: datetime, base: int | None, newest: int) -> int:
        """A new row for a run up to `through`; the version is greater than `newest` and every other row's."""
        return int(self._values(_BEGIN, {"through": through, "base": base, "newest": newest})[0])

    def running(self) -> list[int]:
        """The versions of rows that still say `running`: what killed runs left."""
        return self._values("SELECT version FROM ledger WHERE status = 'running' ORDER BY version")

    def failed(self) -> list[int]:
        """The versions that came to nothing."""
        return self._values("SELECT version FROM ledger WHERE status = 'failed' ORDER BY version")

    def certify(self, version: int, certificate: Mapping[str, object]) -> None:
        """Keeps what the run proves, before it is published."""
        self._run("UPDATE ledger SET certificate = %s WHERE version = %s", json.dumps(certificate), version)

    def published(self, version: int) -> None:
        """Closes a row whose version is published, and forgets the totals of all but the last two such versions."""
        self._run(
            "UPDATE ledger SET status = 'published', finished_at = now(), error = NULL WHERE version = %s", version
        )
        self._run(
            "DELETE FROM totals WHERE version < (SELECT min(version) FROM (SELECT version FROM ledger "
            "WHERE status = 'published' ORDER BY version DESC LIMIT 2) AS kept)"
        )

    def fail(self, version: int, reason: str) -> None:
        """Closes a row whose run came to nothing, and removes what it had brought."""
        self._run("DELETE FROM totals WHERE version = %s", version)
        self._run("DELETE FROM drift WHERE version = %s", version)
        self._run(
            "UPDATE ledger SET status = 'failed', finished_at = now(), error = %s WHERE version = %s", reason, version
        )

    def check(self) -> None:
        """Makes sure that the lock is still held: it ends with its connection.

        Raises:
            Retryable: the connection is gone.
        """
        self._values("SELECT 1")

    def _values(self, text: str, values: Mapping[str, object] | None = None) -> list[int]:
        with self._connection.cursor() as cursor:
            cursor.execute(text, values)
            return [int(row[0]) for row in cursor.fetchall()]

    def _run(self, text: str, *values: object) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(text, values)


@contextmanager
def opened(dsn: str) -> Iterator[Ledger]:
    """The ledger, with its lock.

    Raises:
        Retryable: PostgreSQL does not answer, or another reconciliation is running; the error says whose.
    """
    with connected(dsn, _my_name(), autocommit=True) as connection:
        _lock(connection)
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
