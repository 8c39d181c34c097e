"""The nights: a row in PostgreSQL each time that the night's work is done; it tells a failure, whatever has failed.

A run of the reconciliation has its row in the ledger; a night can fail before it has one, or after that is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)

from batch.postgres import connected
from runtime.errors import TidelakeError

_BEGIN = """
WITH begun AS (INSERT INTO nights DEFAULT VALUES RETURNING night)
SELECT night, pg_advisory_lock('nights'::regclass::oid::integer, night) FROM begun
"""
"""The lock is there before others see the row, and ends with its connection: so who was killed can be told."""

_END = "UPDATE nights SET ended_at = now(), versions = %s, error = %s WHERE night = %s"


@contextmanager
def told(dsn: str) -> Iterator[list[int]]:
    """Has the nights tell how the block ends; the block adds the versions that it publishes to the list.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    versions: list[int] = []
    with connected(dsn, "tidelake nightly", autocommit=True) as connection:
        night = _begin(connection)
        try:
            yield versions
        except BaseException as error:
            with suppress(TidelakeError):
                _end(dsn, night, versions, str(error) or type(error).__name__)
            raise
        _end(dsn, night, versions, None)


def done_since(dsn: str, moment: datetime) -> bool:
    """Whether the night's work was done after a moment, by whomever.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    with connected(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM nights WHERE ended_at > %s AND error IS NULL LIMIT 1", (moment,))
        return cursor.fetchone() is not None


def _begin(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN)
        night, _ = cursor.fetchone() or (0, None)
        return int(night)


def _end(dsn: str, night: int, versions: list[int], error: str | None) -> None:
    """By a connection of its own: that of the lock may have broken meanwhile."""
    with connected(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(_END, (versions, error, night))
