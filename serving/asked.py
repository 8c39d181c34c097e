"""What a caller asks for, checked and normalized."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from rankings.ranking import Ranking
from rankings.render.clickhouse import View

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2149, 6, 6)
"""The business days that every store can hold."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Attributes:
        ranking: which ranking.
        view: which deltas to sum.
        currency: ISO 4217 code; an answer is in one currency.
        first_day: the first business day that counts, or None for all from the beginning.
        last_day: the last business day that counts, or None for all to the end.
        country: only subjects of that country, or None for all.
        limit: how many entries, for each value of the ranking's `within`.
    """

    ranking: Ranking
    view: View
    currency: str
    first_day: date | None = None
    last_day: date | None = None
    country: str | None = None
    limit: int = 10

    @property
    def days(self) -> tuple[date, date]:
        """First and last business day, both included."""
        return self.first_day or FIRST_DAY, self.last_day or LAST_DAY

    @property
    def digest(self) -> str:
        """The same for two questions exactly if they have the same answer; 32 hexadecimal digits."""
        first, last = self.days
        parts = (self.ranking.name, self.view.value, self.currency, first, last, self.country, self.limit)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
