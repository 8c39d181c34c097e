"""Sessions: connections that outlive a query, so that temporary tables and SET do too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from stack.clickhouse.engine import Connection
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.request import SessionWish


@dataclass
class Session:
    """A session's connection, its own database, and what of the last query still lies over its own state.

    `overlay` holds the last query's settings, `own` what the session itself has for them (None for a default).
    """

    connection: Connection
    database: str
    busy: bool = True
    expires: float = 0.0
    overlay: dict[str, str] = field(default_factory=dict)
    own: dict[str, str | None] = field(default_factory=dict)
    _current: str | None = None

    def lay(self, settings: Mapping[str, str], database: str | None) -> None:
        """Make these settings and this database count for the next query, and those of the query before no longer."""
        wanted = database or self.database
        if wanted != self._current:
            self.connection.use(wanted)
            self._current = wanted
        if settings == self.overlay:
            return
        self._lift()
        own = self._values(settings)
        self.connection.set(settings)
        self.overlay, self.own = dict(settings), own

    def adopt_database(self) -> None:
        """Keep the database that a USE has chosen as the session's own."""
        self.database = self._current = str(self.connection.run("SELECT currentDatabase()").bytes().decode().strip())

    def _lift(self) -> None:
        """Give back the session's own settings."""
        self.connection.set({name: value for name, value in self.own.items() if value is not None})
        unchanged = [name for name, value in self.own.items() if value is None]
        if unchanged:
            self.connection.run("SET " + ", ".join(f"{name} = DEFAULT" for name in unchanged))
        self.overlay, self.own = {}, {}

    def _values(self, settings: Mapping[str, str]) -> dict[str, str | None]:
        """The session's own values of these settings; None for a default."""
        if not settings:
            return {}
        rows = self.connection.run("SELECT name, value FROM system.settings WHERE changed", "JSONCompactEachRow")
        changed = dict(_row(row) for row in rows.bytes().decode().splitlines())
        return {name: changed.get(name) for name in settings}


class Sessions:
    """All sessions.

    Args:
        connect: opens a connection.
        database: where a new session looks up unqualified names.
        limit: how many there may be; one more ends the one that has been unused the longest.
    """

    def __init__(self, connect: Callable[[], Connection], database: str, limit: int = 512) -> None:
        self._connect, self._database, self._limit = connect, database, limit
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def held(self, wish: SessionWish) -> Iterator[Session]:
        """The session while the block runs; nobody else has it meanwhile.

        Raises:
            ClickHouseError: 372, there is none and there had to be one; 373, another query runs in it.
        """
        session = self._take(wish)
        try:
            yield session
        finally:
            with self._lock:
                session.busy = False
                session.expires = 0.0 if wish.close_after else time.monotonic() + wish.timeout
            if wish.close_after:
                self.expire()

    def expire(self, *, everything: bool = False) -> int:
        """End the sessions whose time is over (or all that are not in use); how many."""
        now = time.monotonic()
        with self._lock:
            over = [key for key, one in self._sessions.items() if not one.busy and (everything or one.expires <= now)]
            ended = [self._sessions.pop(key) for key in over]
        for session in ended:
            session.connection.close()
        return len(ended)

    def _take(self, wish: SessionWish) -> Session:
        with self._lock:
            session = self._sessions.get(wish.id)
            if session is None:
                return self._open(wish)
            if session.busy:
                raise ClickHouseError("SESSION_IS_LOCKED", f"Session {wish.id} is locked by a concurrent client")
            session.busy = True
            return session

    def _open(self, wish: SessionWish) -> Session:
        if wish.must_exist:
            raise ClickHouseError("SESSION_NOT_FOUND", f"Session {wish.id} not found", status=404)
        if len(self._sessions) >= self._limit:
            self._end_oldest()
        session = Session(self._connect(), self._database)
        self._sessions[wish.id] = session
        return session

    def _end_oldest(self) -> None:
        idle = [(one.expires, key) for key, one in self._sessions.items() if not one.busy]
        if idle:
            self._sessions.pop(min(idle)[1]).connection.close()


def _row(line: str) -> tuple[str, str]:
    import orjson

    name, value = orjson.loads(line)
    return name, value
