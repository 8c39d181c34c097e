"""Seeded records of `events.files`: new sales, updates of which most move the sale to another city, and deletions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

COUNTRIES, CITIES_EACH, SALESMEN_EACH = 20, 20, 100
CURRENCIES = ("EUR", "USD")
DAYS = ("2026-03-02", "2026-03-03", "2026-03-04")
DELETIONS, UPDATES, MOVES = 0.02, 0.13, 0.85
"""Shares: of deletions and of updates among all records, and of moves among the updates. The rest are new sales."""

SOURCE = "bench"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it goes into the log."""

    key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Sale:
    sale_id: str
    occurred_at: str
    country: int
    city: int
    salesman: int
    cents: int
    currency: str


def records(count: int, seed: int) -> Iterator[Record]:
    """That many records; the same seed gives the same ones."""
    draw = random.Random(seed)
    present: list[_Sale] = []
    for number in range(count):
        chance = draw.random()
        if not present or chance >= DELETIONS + UPDATES:
            present.append(_new(draw, number))
            yield _told(present[-1])
        elif chance < DELETIONS:
            yield _deleted(_taken(present, draw))
        else:
            at = draw.randrange(len(present))
            present[at] = _changed(present[at], draw)
            yield _told(present[at])


def _new(draw: random.Random, number: int) -> _Sale:
    second = draw.randrange(86_400)
    return _Sale(
        sale_id=f"B{number:09}",
        occurred_at=f"{draw.choice(DAYS)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
        country=draw.randrange(COUNTRIES),
        city=draw.randrange(CITIES_EACH),
        salesman=draw.randrange(SALESMEN_EACH),
        cents=draw.randrange(100, 100_000),
        currency=draw.choice(CURRENCIES),
    )


def _changed(sale: _Sale, draw: random.Random) -> _Sale:
    """In another city of its country, or at another price."""
    if draw.random() < MOVES:
        return replace(sale, city=(sale.city + draw.randrange(1, CITIES_EACH)) % CITIES_EACH)
    return replace(sale, cents=sale.cents + draw.randrange(1, 1_000))


def _taken(present: list[_Sale], draw: random.Random) -> _Sale:
    """The last sale takes the place of the one that goes, so that nothing has to move."""
    at = draw.randrange(len(present))
    present[at], present[-1] = present[-1], present[at]
    return present.pop()


def _told(sale: _Sale) -> Record:
    fields = {
        "source": SOURCE,
        "sale_id": sale.sale_id,
        "occurred_at": sale.occurred_at,
        "country": f"Country {sale.country:02}",
        "city": f"City {sale.country:02}-{sale.city:02}",
        "salesman_id": f"S{sale.country:02}-{sale.salesman:03}",
        "salesman": f"Salesman {sale.country:02}-{sale.salesman:03}",
        "amount": f"{sale.cents // 100}.{sale.cents % 100:02}",
        "currency": sale.currency,
    }
    return Record(_key(sale), json.dumps(fields).encode())


def _deleted(sale: _Sale) -> Record:
    fields = {"source": SOURCE, "sale_id": sale.sale_id, "deleted": True}
    return Record(_key(sale), json.dumps(fields).encode())


def _key(sale: _Sale) -> bytes:
    return json.dumps([SOURCE, sale.sale_id]).encode()
