"""Figures through the cache: versioned keys, checked values, and one query for all who ask the same at once."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import structlog
from cachetools import TTLCache
from pydantic import TypeAdapter, ValidationError

from serving.asked import Asked
from serving.flights import Flights
from serving.found import Found
from serving.ports import Cache

SCHEMA = 4
"""Goes up whenever `Found` or what it is made of changes its shape."""

POLL_SECONDS = 0.004
BIGGEST = 64 * 1024 * 1024
"""Bytes that a value may unpack to."""

REMEMBERED = 4 * 1024 * 1024
"""Bytes of packed figures that a process remembers; unpacked they take some ten times that."""

_FOUND = TypeAdapter(Found)


class Held(Enum):
    """What a place may hold instead of figures. Nobody is to be waited for where it is something else."""

    NOTHING = "nothing"
    SOMETHING_ELSE = "something else"


@dataclass(frozen=True, slots=True)
class Place:
    """Where figures are kept: under what they depend on, so that nothing ever has to be invalidated.

    Attributes:
        asked: the question.
        version: store and version that they are pinned to.
        tick: the moment, or a constant where the moment does not matter.
        milliseconds: how long they are kept.
    """

    asked: Asked
    version: str
    tick: str
    milliseconds: int

    @property
    def key(self) -> str:
        """The key in the cache."""
        return f"answer:{SCHEMA}:{self.asked.ranking.name}:{self.version}:{self.tick}:{self.asked.digest}"

    @property
    def flight(self) -> str:
        """Without the tick: while a query takes longer than a tick, waiting for it beats asking it again."""
        return f"{self.version}:{self.asked.digest}"


class CachedFigures:
    """Finds figures in the cache, or makes and keeps them.

    Args:
        cache: where they are kept.
        flight_seconds: how long others wait for the one who makes a value, and how long that one may take.
        memory_seconds: how long this process remembers figures beside the cache; a tick, so that no answer gets older.
    """

    def __init__(self, cache: Cache, flight_seconds: float, memory_seconds: float = 0.0) -> None:
        self._cache, self._flight_seconds = cache, flight_seconds
        self._memory: TTLCache[str, tuple[Found, int]] = TTLCache(
            REMEMBERED, memory_seconds, getsizeof=lambda kept: kept[1]
        )
        self._memory_seconds, self._memory_lock = memory_seconds, threading.Lock()
        self._flights, self._reads = Flights[Found](), Flights[Found | Held]()

    def through(self, where: Callable[[], Place], make: Callable[[], Found]) -> tuple[Found, bool]:
        """The figures, and whether another request made them.

        Args:
            where: the place where they are kept at the moment.
            make: makes them; its error reaches all who wait for it, and nothing is kept.
        """
        place = where()
        remembered = self._remembered(place.key)
        if remembered is not None:
            return remembered, True
        # One read for all who come meanwhile: a crowd must not queue for the cache's connections.
        kept = self._reads.run(place.key, lambda: self._read(place.key))
        if isinstance(kept, Found):
            return kept, True
        made_here = threading.Event()

        def made() -> Found:
            made_here.set()
            return make()

        found = self._flights.run(place.flight, lambda: self._among_processes(where, made))
        return found, not made_here.is_set()

    def _among_processes(self, where: Callable[[], Place], make: Callable[[], Found]) -> Found:
        place = where()
        deadline = time.monotonic() + self._flight_seconds
        while True:
            token = self._cache.claim(place.key, int(self._flight_seconds * 1000))
            # Read after the claim: whoever held it before may have left the value in between.
            found = self._read(place.key)
            if isinstance(found, Found):
                self._give_back(place.key, token)
                return found
            if token is not None:
                return self._make(where, place, make, token)
            if found is Held.SOMETHING_ELSE or time.monotonic() > deadline:
                return make()
            time.sleep(POLL_SECONDS)

    def _give_back(self, key: str, token: str | None) -> None:
        if token is not None:
            self._cache.release(key, token)

    def _make(self, where: Callable[[], Place], place: Place, make: Callable[[], Found], token: str) -> Found:
        try:
            found = make()
        except BaseException:
            self._cache.release(place.key, token)
            raise
        # Other processes wait at the place of the claim; who comes from here on looks at that of the moment.
        value = packed(found)
        for key in {place.key, where().key}:
            self._remember(key, found, len(value))
            self._cache.put(key, value, place.milliseconds, token)
        return found

    def _read(self, key: str) -> Found | Held:
        value = self._cache.get(key)
        if value is None:
            return Held.NOTHING
        found = unpacked(value)
        if found is None:
            structlog.get_logger().warning("the cache held something else than figures", cache_entry=key)
            return Held.SOMETHING_ELSE
        self._remember(key, found, len(value))
        return found

    def _remembered(self, key: str) -> Found | None:
        if not self._memory_seconds:
            return None
        with self._memory_lock:
            kept = self._memory.get(key)
        return kept[0] if kept else None

    def _remember(self, key: str, found: Found, size: int) -> None:
        if self._memory_seconds and size <= REMEMBERED // 16:
            with self._memory_lock:
                self._memory[key] = found, size


def packed(found: Found) -> bytes:
    """The figures as compressed JSON."""
    return zlib.compress(_FOUND.dump_json(found), level=1)


def unpacked(value: bytes) -> Found | None:
    """The figures again, or None if the bytes are not figures."""
    try:
        return _FOUND.validate_json(zlib.decompressobj().decompress(value, BIGGEST))
    except (zlib.error, ValidationError):
        return None
