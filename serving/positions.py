"""Read your own writes: an answer waits until the live job has passed the position that its caller names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rankings.render.clickhouse import View
from runtime.errors import Retryable
from serving.ports import Clock
from serving.records import Position
from serving.ticks import Remembered

_OFFSET = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})")


class NotReached(Retryable):
    """The live job has not come as far as the caller wants."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A place in the log: a record's own, or a log time (then of every partition).

    Attributes:
        text: as the caller wrote it.
        topic: of the record.
        partition: of the record.
        offset: of the record, which has to be in the answer.
        log_time: everything before it has to be in the answer (UTC).
    """

    text: str
    topic: str = ""
    partition: int = 0
    offset: int = 0
    log_time: datetime | None = None

    def is_reached(self, positions: tuple[Position, ...]) -> bool:
        """Whether the live job has passed it."""
        live = [each for each in positions if each.path == View.LIVE.value]
        if self.log_time is not None:
            return bool(live) and min(each.seen_through for each in live) >= self.log_time
        return any(
            (each.topic, each.partition) == (self.topic, self.partition) and each.committed > self.offset
            for each in live
        )


def wanted(text: str) -> Wanted:
    """What a caller wrote.

    Raises:
        ValueError: it is neither `topic/partition/offset` nor a time with its zone.

    >>> wanted("cdc.public.sales/1/42").offset
    42
    >>> wanted("2026-01-31T12:00:00Z").log_time.hour
    12
    """
    match = _OFFSET.fullmatch(text)
    if match:
        return Wanted(text, match[1], int(match[2]), int(match[3]))
    if not text.isascii() or len(text) < len("2026-01-31T00:00Z"):
        raise ValueError("neither a position nor a time")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return Wanted(text, log_time=at)


class Positions:
    """Waits for positions.

    Args:
        read: reads how far every job has come.
        tick_ms: how often it is read, in milliseconds.
        wait_seconds: the longest wait.
        clock: tells the time.
    """

    def __init__(
        self, read: Callable[[], tuple[Position, ...]], tick_ms: int, wait_seconds: float, clock: Clock
    ) -> None:
        self._seen, self._tick, self._wait, self._clock = Remembered(read, tick_ms, clock), tick_ms, wait_seconds, clock

    def now(self) -> tuple[Position, ...]:
        """How far every job has come, as of this tick. Raises StoreFailed."""
        return self._seen.get()

    def wait(self, position: Wanted) -> datetime:
        """Waits until the live job has passed a position; figures that are read from the moment given on have it.

        Raises:
            NotReached: it has not in time.
            StoreFailed: it is not known how far the job has come.
        """
        ends = time.monotonic() + self._wait
        while not position.is_reached(self._seen.get()):
            if time.monotonic() >= ends:
                raise NotReached(
                    f"the live job has not reached {position.text} within {self._wait:g} s",
                    todo="ask again; GET /v1/freshness says how far it has come",
                )
            time.sleep(self._tick / 1000)
        return self._clock()
