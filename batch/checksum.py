"""The checksum of a ranking's sums in plain Python: the same as the lake's, whatever the order of the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEPARATOR = "\x1f"
"""Stands between columns; the contract keeps it out of every text."""

HASH_DIGITS = 15
"""How many hexadecimal digits of a row's SHA-256 count: 60 bits."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """How many rows, and the sum of their hashes."""

    rows: int
    value: int

    def __str__(self) -> str:
        return f"{self.rows}:{self.value:x}"

    def __add__(self, other: Checksum) -> Checksum:
        """That of both's rows, where no row is in both."""
        return Checksum(self.rows + other.rows, self.value + other.value)

    @classmethod
    def of(cls, text: str) -> Checksum:
        """The checksum that a text says.

        >>> Checksum.of(str(Checksum(2, 255))).value
        255
        """
        rows, _, value = text.partition(":")
        return cls(int(rows), int(value, 16))


def checksum(rows: Iterable[Sequence[object]]) -> Checksum:
    """The checksum of rows (sum key, amount, sales): dates, decimals and integers as their texts.

    >>> from decimal import Decimal
    >>> rows = [("2026-01-01", "EUR", "DE", "Köln", Decimal("1.20"), 1), ("2026-01-01", "EUR", "DE", "Bonn", 0, 1)]
    >>> checksum(rows) == checksum(reversed(rows))
    True
    """
    count = value = 0
    for row in rows:
        text = SEPARATOR.join(map(str, row))
        value += int(hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS], 16)
        count += 1
    return Checksum(count, value)
