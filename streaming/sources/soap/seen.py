"""Which messages were taken already, by their ids; remembered with the records themselves, and only so many."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

PREFIX = "seen/"
CHUNK = 10_000
"""Ids of one remembered value, which has to fit into one record of the log."""

FILLED = 1000
"""A remembered value with fewer ids takes the next ones too, so that small answers do not make many values."""


def digest(identity: bytes) -> str:
    """An id in 22 characters: 128 bits, so that two of them are never the same by chance."""
    return base64.b64encode(blake2b(identity, digest_size=16).digest()).decode().rstrip("=")


class Seen:
    """The ids that a source remembers.

    Args:
        memory: of the source.
        most: ids that are remembered.
    """

    def __init__(self, memory: Mapping[str, Any], most: int) -> None:
        self._most = most
        self._chunks = {int(name.removeprefix(PREFIX)): memory[name] for name in memory if name.startswith(PREFIX)}
        self._known = {each for chunk in self._chunks.values() for each in chunk}

    def __contains__(self, identity: str) -> bool:
        return identity in self._known

    def add(self, identities: Iterable[str]) -> dict[str, list[str] | None]:
        """What the source has to remember from now on: the new ids, and the oldest ones no longer."""
        new = list(dict.fromkeys(identities))
        if not new:
            return {}
        self._known.update(new)
        changed: dict[str, list[str] | None] = {}
        last = max(self._chunks, default=1)
        if len(self._chunks.get(last, [])) < FILLED:
            new = [*self._chunks.get(last, []), *new]
        else:
            last += 1
        for number, begin in enumerate(range(0, len(new), CHUNK), last):
            changed[f"{PREFIX}{number}"] = self._chunks[number] = new[begin : begin + CHUNK]
        return {**changed, **self._forgotten()}

    def _forgotten(self) -> dict[str, None]:
        """The oldest ids, as long as there are enough without them."""
        forgotten: dict[str, None] = {}
        for number in sorted(self._chunks):
            if len(self._known) - len(self._chunks[number]) < self._most:
                break
            self._known.difference_update(self._chunks.pop(number))
            forgotten[f"{PREFIX}{number}"] = None
        return forgotten
