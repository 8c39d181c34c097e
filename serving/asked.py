"""What a caller asks for, checked and normalized."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from rankings.render.shapes import Shape, Step

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
        after: only ranks beyond this one.
        subject: only the lines of this subject, ranked among all; None for all subjects.
        step: one ranking for each period of this length, or None for one of all days.
        against: first and last business day of the period to compare with, or None.
        until: live deltas before this log second alone (UTC), or None for all.
        as_of: the version that the answer is pinned to, 0 for none; None for the one that is published.
    """

    ranking: Ranking
    view: View
    currency: str
    first_day: date | None = None
    last_day: date | None = None
    country: str | None = None
    limit: int = 10
    after: int = 0
    subject: tuple[str, ...] | None = None
    step: Step | None = None
    against: tuple[date, date] | None = None
    until: datetime | None = None
    as_of: int | None = None

    @property
    def days(self) -> tuple[date, date]:
        """First and last business day, both included."""
        return self.first_day or FIRST_DAY, self.last_day or LAST_DAY

    @property
    def is_plain(self) -> bool:
        """Whether it is one ranking of all that is asked for: what PostgreSQL can give too."""
        return self.step is None and self.against is None

    @property
    def shape(self) -> Shape:
        """What the figures look like."""
        return Shape(
            self.view,
            by_country=self.country is not None,
            by_subject=self.subject is not None,
            step=self.step,
            compared=self.against is not None,
            until=self.until is not None,
        )

    @property
    def digest(self) -> str:
        """The same for two questions exactly if they have the same answer; 32 hexadecimal digits."""
        first, last = self.days
        what = (self.ranking.name, self.view.value, self.currency, first, last, self.country, self.limit)
        parts = (*what, self.after, self.subject, self.step, self.against, self.until, self.as_of)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
