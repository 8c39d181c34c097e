"""The rhythm of the cache: within one tick the same question may get the same answer, never beyond it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from serving.flights import Flights
from serving.ports import Clock

T = TypeVar("T")


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def tick_number(now: datetime, tick_ms: int) -> int:
    """Which tick a moment lies in.

    >>> tick_number(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 250)
    4
    """
    return int(now.timestamp() * 1000) // tick_ms


class Remembered(Generic[T]):
    """A value that is read once a tick, however many ask.

    Args:
        read: reads it; an error is raised to all who wait for it, and not remembered.
        tick_ms: length of a tick in milliseconds.
        clock: tells the time.
    """

    def __init__(self, read: Callable[[], T], tick_ms: int, clock: Clock) -> None:
        self._read, self._tick_ms, self._clock = read, tick_ms, clock
        self._flights = Flights[T]()
        self._last: tuple[int, T] | None = None

    def get(self) -> T:
        """The value, read a tick ago at most (or asked for before now, if the answer took longer than that)."""
        last = self._last
        if last is not None and last[0] == self._tick():
            return last[1]
        # One flight for all ticks: while reading takes longer than a tick, waiting for it beats asking again.
        return self._flights.run("value", self._fresh)

    def _fresh(self) -> T:
        last = self._last
        if last is not None and last[0] == self._tick():
            return last[1]
        value = self._read()
        self._last = (self._tick(), value)
        return value

    def _tick(self) -> int:
        return tick_number(self._clock(), self._tick_ms)
