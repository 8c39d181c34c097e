"""What happened to each file: kept in the source's memory, in one transaction with the file's records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from streaming.sources.records import Memory

PREFIX = "file:"


class Fate(StrEnum):
    """What became of a file."""

    PART = "part"
    """Some of its records are in the log; the next reading goes on behind them."""
    TAKEN = "taken"
    REFUSED = "refused"
    """It is not read further, for the reason that is told; what came before stays in the log."""
    UNREADABLE = "unreadable"
    """It could not be read this time; every reading tries again."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to one file.

    Attributes:
        path: below the source's folder.
        fate: what became of it.
        size: in bytes, as it lies there.
        changed: when it was last written, in nanoseconds since 1970.
        sha256: of its bytes; empty where they were not read.
        rows: records that were read of it, bad ones too.
        bad: records that could not be read at all; what the contract refuses is in the quarantine's count.
        reason: why it was refused or could not be read.
        when: ISO 8601, UTC.
    """

    path: str
    fate: Fate
    size: int
    changed: int
    sha256: str = ""
    rows: int = 0
    bad: int = 0
    reason: str = ""
    when: str = ""

    def remembered(self) -> dict[str, Any]:
        """As the memory holds it, with the time at which it happened."""
        return {PREFIX + self.path: asdict(replace(self, when=datetime.now(UTC).isoformat(timespec="milliseconds")))}


def happened(memory: Memory, path: str) -> Happened | None:
    """What is remembered of a file."""
    told = memory.get(PREFIX + path)
    return None if told is None else Happened(**{**told, "fate": Fate(told["fate"])})


def every(memory: Memory) -> Iterator[Happened]:
    """What is remembered of every file, by path."""
    for name in sorted(name for name in memory if name.startswith(PREFIX)):
        found = happened(memory, name.removeprefix(PREFIX))
        if found is not None:
            yield found
