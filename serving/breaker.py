"""Keeps a dead store from costing every request a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from serving.ports import StoreAway

T = TypeVar("T")


class Breaker:
    """After a failure a store is left alone for a moment; then one caller tries it, and others follow if it answers.

    Args:
        name: the store's name in errors.
        rest_seconds: how long it is left alone.
        clock: monotonic seconds.
    """

    def __init__(self, name: str, rest_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._rest, self._clock = name, rest_seconds, clock
        self._lock = threading.Lock()
        self._closed_until_failure = True
        self._next_try = 0.0

    def call(self, work: Callable[[], T]) -> T:
        """What the work returns.

        Raises:
            StoreAway: the work raised it, or the store is being left alone.
            StoreRefused: the work raised it; a store that answers with an error is not left alone.
        """
        self._enter()
        try:
            result = work()
        except StoreAway:
            self._open()
            raise
        self._closed_until_failure = True
        return result

    def _enter(self) -> None:
        if self._closed_until_failure:
            return
        with self._lock:
            if self._clock() < self._next_try:
                raise StoreAway(f"{self._name} did not answer a moment ago", todo="try again in a few seconds")
            # Whoever comes while this caller tries is still turned away.
            self._next_try = self._clock() + self._rest

    def _open(self) -> None:
        with self._lock:
            self._closed_until_failure = False
            self._next_try = self._clock() + self._rest
