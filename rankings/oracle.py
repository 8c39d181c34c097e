"""The rankings evaluated in plain Python over a list of sales: what every engine's answer is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from rankings.ranking import Ranking
from rankings.sale import Deletion, Key, Sale

SumKey = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """How much, and by how many sales."""

    amount: Decimal
    sales: int

    def plus(self, amount: Decimal, sales: int = 1) -> Total:
        """The total with some more in it."""
        return Total(self.amount + amount, self.sales + sales)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an answer: the rank (from 1), the subject's values in the ranking's order, its total."""

    rank: int
    subject: tuple[str, ...]
    amount: Decimal
    sales: int


@dataclass(frozen=True, slots=True)
class Filter:
    """What an answer is asked for: one currency, business days from..to (both included), maybe one country."""

    currency: str
    first_day: date = date.min
    last_day: date = date.max
    country: str | None = None
    limit: int | None = None


NOTHING = Total(Decimal("0.00"), 0)


def state(records: Iterable[Sale | Deletion]) -> dict[Key, Sale]:
    """The sales that exist after all the records, in the order of the log: the last record of a key is its state."""
    sales: dict[Key, Sale] = {}
    for record in records:
        if isinstance(record, Deletion):
            sales.pop(record.key, None)
        else:
            sales[record.key] = record
    return sales


def sums(ranking: Ranking, sales: Iterable[Sale], zone: ZoneInfo) -> dict[SumKey, Total]:
    """The total for each (business_day, currency, subject...) that has a sale."""
    totals: dict[SumKey, Total] = {}
    for sale in sales:
        key = (sale.business_day(zone), sale.currency, *_subject(ranking, sale))
        totals[key] = totals.get(key, NOTHING).plus(getattr(sale, ranking.measure.column))
    return totals


def answer(ranking: Ranking, totals: Mapping[SumKey, Total], asked: Filter) -> list[Entry]:
    """The ranked entries of what is asked for; `limit` holds for each value of `within`."""
    by_subject = _by_subject(totals, asked, ranking)
    groups: dict[tuple[str, ...], list[tuple[tuple[str, ...], Total]]] = {}
    for subject, total in sorted(by_subject.items(), key=lambda item: (-item[1].amount, item[0])):
        groups.setdefault(subject[: len(ranking.within)], []).append((subject, total))
    return [
        Entry(rank, subject, total.amount, total.sales)
        for _, members in sorted(groups.items())
        for rank, (subject, total) in enumerate(members[: asked.limit], start=1)
    ]


def _by_subject(totals: Mapping[SumKey, Total], asked: Filter, ranking: Ranking) -> dict[tuple[str, ...], Total]:
    found: dict[tuple[str, ...], Total] = {}
    for (day, currency, *values), total in totals.items():
        subject = tuple(str(value) for value in values)
        if currency == asked.currency and _within(asked, day, dict(zip(ranking.subject, subject, strict=True))):
            found[subject] = found.get(subject, NOTHING).plus(total.amount, total.sales)
    return found


def _within(asked: Filter, day: object, subject: dict[str, str]) -> bool:
    assert isinstance(day, date)
    return asked.first_day <= day <= asked.last_day and asked.country in (None, subject.get("country"))


def _subject(ranking: Ranking, sale: Sale) -> tuple[str, ...]:
    return tuple(getattr(sale, column) for column in ranking.subject)
