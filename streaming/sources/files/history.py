"""The record of what became of each file: the source's memory, one value for each content of a path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from streaming.sources.files.definition import FilesSource
from streaming.sources.files.store import Seen
from streaming.sources.records import Memory

PREFIX = "file:"


class Fate(StrEnum):
    """What became of a file."""

    PART = "part"
    """Some of its records are in the log; it goes on behind them."""
    TAKEN = "taken"
    REFUSED = "refused"
    """It is not read further, for the reason that is told; records that came before that stay."""
    UNREADABLE = "unreadable"
    """It may not be opened; every reading tries again."""
    LEFT = "left"
    """It was changed, replaced or removed when it was taken in part; the same content would go on behind that."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One content of one path.

    Attributes:
        path: the path within the folder.
        sha256: SHA-256 of its bytes; empty where it was refused before they were read to the end.
        fate: what became of it.
        stamp: how the file was told from a changed one.
        size: in bytes.
        changed: its time of modification, in nanoseconds since 1970.
        turn: counts the files in the order in which they were begun.
        reading: how it was read.
        began: when, in UTC.
        ended: when it was taken, given up or refused; None while it is being taken.
        rows: how many of its records are done, the bad ones among them.
        bad: how many of them went into the quarantine.
        reason: why it was refused, may not be read, or was left.
    """

    path: str
    sha256: str
    fate: Fate
    stamp: str
    size: int
    changed: int
    turn: int
    reading: str
    began: str
    ended: str | None = None
    rows: int = 0
    bad: int = 0
    reason: str = ""

    @property
    def key(self) -> str:
        """Under this name it is remembered."""
        return f"{PREFIX}{self.sha256[:16]}:{self.path}"

    def remembered(self) -> Memory:
        """As the source's memory holds it."""
        return {self.key: asdict(self)}

    def over(self, fate: Fate, reason: str = "") -> Happened:
        """The same, at its end."""
        return replace(self, fate=fate, reason=reason, ended=now())


class Book:
    """Every record, by what is asked of it.

    Args:
        memory: the source's.
    """

    def __init__(self, memory: Memory) -> None:
        self._by_path: dict[str, dict[str, Happened]] = {}
        self._paths: dict[str, set[str]] = {}
        self._turn = 0
        for each in every(memory):
            self.note(each)

    def newest(self, path: str) -> Happened | None:
        """What the path held last."""
        return max(self._by_path.get(path, {}).values(), key=lambda each: each.turn, default=None)

    def find(self, path: str, sha256: str) -> Happened | None:
        """What is known of a content of a path."""
        return next((each for each in self._by_path.get(path, {}).values() if each.sha256 == sha256), None)

    def renamed(self, sha256: str, there: set[str]) -> Happened | None:
        """What the content is known as, if that path is not there any more."""
        gone = (self.newest(path) for path in sorted(self._paths.get(sha256, set()) - there))
        return next((each for each in gone if each is not None and each.sha256 == sha256), None)

    def gone(self, there: set[str]) -> list[Happened]:
        """Records of paths that are not there, and of contents that others replaced."""
        every_one = (each for records in self._by_path.values() for each in records.values())
        return [each for each in every_one if each.path not in there or each != self.newest(each.path)]

    def begin(self, source: FilesSource, seen: Seen, sha256: str, fate: Fate = Fate.PART) -> Happened:
        """A record for a file that nothing is known of."""
        told = (seen.name, sha256, fate, seen.stamp, seen.size, seen.modified, self._turn + 1, source.reading, now())
        return self.note(Happened(*told))

    def note(self, record: Happened) -> Happened:
        """Keeps a record in place of the one of the same path and content."""
        self._by_path.setdefault(record.path, {})[record.key] = record
        self._paths.setdefault(record.sha256, set()).add(record.path)
        self._turn = max(self._turn, record.turn)
        return record

    def forget(self, record: Happened) -> None:
        """Knows a record no more."""
        del self._by_path[record.path][record.key]


def every(memory: Memory) -> Iterator[Happened]:
    """The records that a source's memory holds."""
    for key, value in memory.items():
        if key.startswith(PREFIX):
            yield _read(value)


def _read(value: dict[str, Any]) -> Happened:
    return Happened(**{**value, "fate": Fate(value["fate"])})


def is_old(record: Happened, days: float) -> bool:
    """Whether it was over so long ago."""
    return record.ended is not None and datetime.fromisoformat(record.ended) < datetime.now(UTC) - timedelta(days=days)


def now() -> str:
    """The present time, as records tell it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
