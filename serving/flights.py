"""One flight per key within the process: who comes while it is under way gets the same result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """The flights under way, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[T]] = {}

    def run(self, key: str, work: Callable[[], T]) -> T:
        """The work's result, made by this thread or by the one that is at it already; its error likewise."""
        with self._lock:
            flight = self._under_way.get(key)
            mine = flight is None
            if flight is None:
                flight = self._under_way[key] = Future()
        return self._fly(key, flight, work) if mine else flight.result()

    def _fly(self, key: str, flight: Future[T], work: Callable[[], T]) -> T:
        try:
            flight.set_result(work())
        except BaseException as error:
            flight.set_exception(error)
        finally:
            with self._lock:
                del self._under_way[key]
        return flight.result()
