"""What a source's records said when they were last published, so that one read again unchanged is not published again.

A record is unchanged if its identity last had this content: one that changes back is published, too. Each published
batch leaves one entry in the source's memory. Entries that the next reading does not reach back to are forgotten, and
the oldest ones where there are more than allowed: a forgotten record is published once more, which changes nothing.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from streaming.sources.records import Memory

PREFIX = "seen/"
ID_BYTES, CONTENT_BYTES = 9, 9
"""Short, as an entry has to fit into one record of the log. Two identities that share a digest never share a content,
so they are published more often, and never less."""


@dataclass(slots=True)
class _Entry:
    """What one batch published.

    Attributes:
        name: in the source's memory.
        high: the highest time or number of change up to this batch; None where the source has none.
        digests: of the records, by identity.
    """

    name: str
    high: str | None
    digests: dict[str, str] = field(default_factory=dict)


class Seen:
    """The contents last published.

    Args:
        memory: of the source.
        most: how many records are remembered.
    """

    def __init__(self, memory: Memory, most: int) -> None:
        self._most = most
        self._entries = [_entry(name, memory[name]) for name in sorted(memory) if name.startswith(PREFIX)]
        self._latest: dict[str, str] = {}
        for each in self._entries:
            self._latest |= each.digests
        self._new: dict[str, str] = {}
        self._number = int(self._entries[-1].name.removeprefix(PREFIX)) + 1 if self._entries else 0

    def unchanged(self, identity: str, raw: bytes) -> bool:
        """Whether this record was last published with this content; if not, it is noted as published."""
        which, digest = _digest(identity.encode("utf-8", "replace"), ID_BYTES), _digest(raw, CONTENT_BYTES)
        if self._new.get(which, self._latest.get(which)) == digest:
            return True
        self._new[which] = digest
        return False

    def __len__(self) -> int:
        return sum(len(each.digests) for each in self._entries) + len(self._new)

    def published(self, high: str | None, reaches_back_to: Decimal | None) -> dict[str, Any]:
        """What the source has to remember with the batch whose records were noted.

        Args:
            high: the highest time or number of change so far.
            reaches_back_to: no later reading asks for less; None where it may ask for anything.
        """
        remember: dict[str, Any] = {}
        if self._new and self._most:
            entry = _Entry(f"{PREFIX}{self._number:012d}", high, self._new)
            remember[entry.name] = {"high": high, "of": self._new}
            self._entries.append(entry)
            self._latest |= self._new
            self._number += 1
        self._new = {}
        return remember | dict.fromkeys(self._forget(reaches_back_to))

    def _forget(self, reaches_back_to: Decimal | None) -> Iterator[str]:
        """Drops the oldest entries as long as they are too many or of no use."""
        held = len(self)
        while self._entries and (held > self._most or _is_before(self._entries[0].high, reaches_back_to)):
            oldest = self._entries.pop(0)
            held -= len(oldest.digests)
            for identity, digest in oldest.digests.items():
                if self._latest.get(identity) == digest:
                    del self._latest[identity]
            yield oldest.name


def _entry(name: str, told: Any) -> _Entry:
    return _Entry(name, told["high"], told["of"])


def _is_before(high: str | None, reaches_back_to: Decimal | None) -> bool:
    return high is not None and reaches_back_to is not None and Decimal(high) < reaches_back_to


def _digest(told: bytes, size: int) -> str:
    return b64encode(hashlib.blake2b(told, digest_size=size).digest()).decode("ascii")
