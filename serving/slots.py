"""A bounded number of queries at one time, a bounded queue for the others, and a clear refusal beyond it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from runtime.errors import Retryable

T = TypeVar("T")


class Busy(Retryable):
    """Too many ask at once. Not a store's failure: another store would only be run over, too."""


class Slots:
    """Runs work in one of a number of slots.

    Args:
        name: whose work it is, in errors.
        slots: how many pieces of work run at one time.
        queue: how many may wait for a slot.
        wait_seconds: how long each may wait.
    """

    def __init__(self, name: str, slots: int, queue: int, wait_seconds: float) -> None:
        self._name, self._wait = name, wait_seconds
        self._free = threading.Semaphore(slots)
        self._places = threading.Semaphore(slots + queue)

    def run(self, work: Callable[[], T]) -> T:
        """What the work returns.

        Raises:
            Busy: the queue is full, or no slot came free in time.
        """
        finish = self.claim_place()
        try:
            if not self._free.acquire(timeout=self._wait):
                raise Busy(f"{self._name} is busy: no turn within {self._wait:g} s", todo="try again in a second")
            try:
                return work()
            finally:
                self._free.release()
        finally:
            finish()

    def claim_place(self) -> Callable[[], None]:
        """Takes a place among those who work or wait; what is given gives it back, once however often it is called.

        Raises:
            Busy: all are taken.
        """
        if not self._places.acquire(blocking=False):
            raise Busy(f"{self._name} is busy, and the queue for it is full", todo="try again in a second")
        once = threading.Lock()

        def finish() -> None:
            if once.acquire(blocking=False):
                self._places.release()

        return finish
