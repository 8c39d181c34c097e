"""PostgreSQL: the totals that outlive ClickHouse, and the hashes of API keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg2
import structlog
from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)
from psycopg2.pool import ThreadedConnectionPool
from pydantic import SecretStr

from rankings.ranking import Label
from serving.asked import Asked
from serving.breaker import Breaker
from serving.flights import Flights
from serving.found import Entry, Publication, Ranked
from serving.paging import trimmed
from serving.ports import ApiKey, StoreAway, StoreRefused

CONNECTIONS = 32
"""Of one process, at most: the server has 100 for everybody. Threads beyond them wait for one."""

Rows = list[tuple[Any, ...]]


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (files("serving.stores") / "sql" / f"{name}.sql").read_text()


class Postgres:
    """The platform's database, reached through a pool that is made at the first use.

    Args:
        dsn: the address, with user and password.
        timeout_seconds: longest wait for one statement.
        breaker: keeps a dead server from costing every request the timeout.
        connections: how many there are at most; who finds none free waits for one, within the timeout.
    """

    def __init__(
        self, dsn: SecretStr, timeout_seconds: float, breaker: Breaker | None = None, connections: int = CONNECTIONS
    ) -> None:
        self._dsn, self._timeout_ms = dsn, int(timeout_seconds * 1000)
        self._breaker = breaker or Breaker("PostgreSQL")
        # The pool itself refuses instead of waiting.
        self._connections, self._free = connections, threading.Semaphore(connections)
        self._connecting = Flights[ThreadedConnectionPool]()
        self._made: ThreadedConnectionPool | None = None

    def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> Rows:
        """What the statement of that name returns.

        Raises:
            StoreAway: there is no answer.
            StoreRefused: PostgreSQL answers with an error, or no connection came free in time.
        """
        return self._breaker.call(lambda: self._answer(statement(name), parameters))

    def _answer(self, text: str, parameters: Mapping[str, object] | None) -> Rows:
        try:
            return self._run(text, parameters)
        except StoreAway:
            # After a restart of the server every connection of the pool is dead, and a fresh one works.
            if not self._forget_pool():
                raise
        return self._run(text, parameters)

    def _run(self, text: str, parameters: Mapping[str, object] | None) -> Rows:
        try:
            with self._connection() as connection, connection.cursor() as cursor:
                cursor.execute(text, parameters)
                return cursor.fetchall()
        except psycopg2.errors.QueryCanceled as error:
            raise StoreRefused("PostgreSQL took too long", received=str(error).strip()) from error
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            raise StoreAway("PostgreSQL does not answer", received=str(error).strip()) from error
        except psycopg2.Error as error:
            structlog.get_logger().error("PostgreSQL refused a statement", exc_info=True)
            raise StoreRefused("PostgreSQL answered with an error", received=str(error).strip()) from error

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        pool = self._pool()
        if not self._free.acquire(timeout=self._timeout_ms / 1000):
            raise StoreRefused("PostgreSQL is busy", received=f"no connection was free within {self._timeout_ms} ms")
        try:
            connection = pool.getconn()
            try:
                connection.autocommit = True
                yield connection
            finally:
                pool.putconn(connection, close=bool(connection.closed))
        finally:
            self._free.release()

    def _pool(self) -> ThreadedConnectionPool:
        pool = self._made
        if pool is None:
            # Who comes while one connects waits for its outcome, instead of waiting for another timeout after it.
            pool = self._made = self._connecting.run("pool", self._connect)
        return pool

    def _connect(self) -> ThreadedConnectionPool:
        return ThreadedConnectionPool(
            1,
            self._connections,
            self._dsn.get_secret_value(),
            connect_timeout=2,
            tcp_user_timeout=self._timeout_ms,
            options=f"-c statement_timeout={self._timeout_ms} -c timezone=UTC",
            application_name="tidelake-api",
        )

    def _forget_pool(self) -> bool:
        """Whether there was one."""
        forgotten, self._made = self._made, None
        return forgotten is not None


class PostgresTotals:
    """The reconciled totals of the version last published."""

    def __init__(self, database: Postgres) -> None:
        self._database = database

    def published(self) -> Publication | None:
        """The version last published, or None before the first."""
        for version, boundary, versions, published_at in self._database.rows("published"):
            return Publication(version, boundary.astimezone(UTC), tuple(versions), (), published_at.astimezone(UTC))
        return None

    def ranked(self, asked: Asked, publication: Publication) -> Ranked:
        """The figures of that version."""
        rows = self._database.rows("ranked", _parameters(asked, publication.versions))
        entries = (Entry(rank, tuple(subject), amount, int(sales)) for rank, subject, amount, sales in rows)
        return trimmed(asked, entries)

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """The names that are known of these keys."""
        rows = self._database.rows("names", {"label": label.column, "keys": list(keys)})
        return {key: name for key, name in rows}


class PostgresKeys:
    """The hashes of API keys."""

    def __init__(self, database: Postgres) -> None:
        self._database = database

    def find(self, key_hash: bytes) -> ApiKey | None:
        """The key of that SHA-256."""
        for key_id, stored, scopes, expires_at, revoked in self._database.rows("api_key", {"hash": key_hash}):
            return ApiKey(key_id, bytes(stored), tuple(scopes), expires_at, revoked)
        return None


def _parameters(asked: Asked, versions: Sequence[int]) -> dict[str, object]:
    first, last = asked.days
    subject = asked.ranking.subject
    return {
        "ranking": asked.ranking.name,
        "versions": list(versions),
        "currency": asked.currency,
        "first_day": first,
        "last_day": last,
        "country": asked.country,
        "country_at": subject.index("country") + 1 if "country" in subject else 0,
        "within": len(asked.ranking.within),
        "limit": asked.after + asked.limit + 1,
        "after": asked.after,
        "subject": list(asked.subject) if asked.subject else None,
    }
