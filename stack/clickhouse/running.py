"""The queries under way: how many there may be, which ones their callers gave up, and how they are stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stack.clickhouse.errors import ClickHouseError


@dataclass(frozen=True)
class Entry:
    """A query under way: its id, whether its caller has hung up, whether it shall stop then."""

    id: str
    hung_up: Callable[[], bool]
    cancel_on_close: bool


class Running:
    """All queries under way.

    Args:
        limit: how many may run at one time.
        wait_seconds: how long one more waits for its turn.
        kill: stops the query with an id.
    """

    def __init__(self, limit: int, wait_seconds: float, kill: Callable[[str], None]) -> None:
        self._limit, self._wait, self._kill = limit, wait_seconds, kill
        self._turns = threading.BoundedSemaphore(limit)
        self._entries: dict[str, Entry] = {}
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, entry: Entry) -> Iterator[None]:
        """Take part while the block runs.

        Raises:
            ClickHouseError: 202, too many run and none ended in time; 216, one with this id runs.
        """
        if not self._turns.acquire(timeout=self._wait):
            raise ClickHouseError(
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous queries. Maximum: {self._limit}, waited {self._wait:g} s for one to end",
            )
        try:
            self._add(entry)
            try:
                yield
            finally:
                self._remove(entry)
        finally:
            self._turns.release()

    def cancel_abandoned(self) -> list[str]:
        """Stop the queries whose callers hung up and asked for that; their ids."""
        with self._changed:
            abandoned = [entry.id for entry in self._entries.values() if entry.cancel_on_close and entry.hung_up()]
        for query_id in abandoned:
            self._kill(query_id)
        return abandoned

    def drain(self, seconds: float) -> bool:
        """Wait until no query runs; whether that came within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._entries, timeout=seconds)

    def kill_all(self) -> list[str]:
        """Stop every query; their ids."""
        with self._changed:
            ids = list(self._entries)
        for query_id in ids:
            self._kill(query_id)
        return ids

    def _add(self, entry: Entry) -> None:
        with self._changed:
            if entry.id in self._entries:
                raise ClickHouseError(
                    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", f"Query with id = {entry.id} is already running"
                )
            self._entries[entry.id] = entry

    def _remove(self, entry: Entry) -> None:
        with self._changed:
            del self._entries[entry.id]
            self._changed.notify_all()
