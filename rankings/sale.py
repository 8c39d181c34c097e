"""The sale: the one kind of fact that all answers are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

Key = tuple[str, str]

SUBJECT_COLUMNS = ("country", "city", "salesman_id")
"""The columns of a sale that a ranking may rank."""

MEASURE_COLUMNS = ("amount",)
"""The columns of a sale that a ranking may sum."""


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale as its source last described it.

    Attributes:
        source: name of the source that the sale comes from; with `sale_id` the sale's key.
        sale_id: the sale's key within its source.
        occurred_at: when it happened, aware, UTC.
        country: as the source writes it, trimmed, NFC.
        city: likewise.
        salesman_id: likewise; who is credited.
        salesman: that person's name, if the source tells it. Descriptive: it never splits a sum.
        amount: money, at most 16 digits before and exactly 2 behind the point; negative for a refund.
        currency: ISO 4217 code.
    """

    source: str
    sale_id: str
    occurred_at: datetime
    country: str
    city: str
    salesman_id: str
    salesman: str | None
    amount: Decimal
    currency: str

    @property
    def key(self) -> Key:
        """What identifies the sale over all sources."""
        return self.source, self.sale_id

    def business_day(self, zone: ZoneInfo) -> date:
        """The day that the sale counts for, in the deployment's business time zone."""
        return self.occurred_at.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Says that the sale of this key does not exist any more."""

    source: str
    sale_id: str

    @property
    def key(self) -> Key:
        """The key of the sale that went."""
        return self.source, self.sale_id
