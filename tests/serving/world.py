"""A small world of sales, and what the stores hold of it at some moment."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask.testing import FlaskClient

from rankings.catalogue import RANKINGS
from rankings.oracle import Filter, SumKey, Total, answer, state, sums
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale
from rankings.topics import TOPICS
from runtime.settings import settings
from serving.compose import Stores
from serving.found import Publication, SourceProgress, Standing
from serving.stores.memory import MemoryCache, MemoryDeltas, MemoryKeys, MemoryTotals
from serving.stores.memory_records import MemoryLake, MemoryLedger, MemoryOperations, MemoryRecords
from serving.stores.operations import CommandLineage

NOW = datetime(2026, 3, 31, 12, 0, 0, tzinfo=UTC)
ZONE = ZoneInfo("UTC")

Change = tuple[datetime, Sale | Deletion]
"""A record and its log time."""


@dataclass
class Clock:
    """A clock that stands still unless it is set forward."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass(frozen=True)
class Doubles:
    """The stores in memory, to be filled and switched off."""

    deltas: MemoryDeltas
    totals: MemoryTotals
    keys: MemoryKeys
    cache: MemoryCache
    records: MemoryRecords = field(default_factory=MemoryRecords)
    lake: MemoryLake = field(default_factory=MemoryLake)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    operations: MemoryOperations = field(default_factory=MemoryOperations)

    @property
    def stores(self) -> Stores:
        beside = (
            self.records,
            self.records,
            self.lake,
            self.ledger,
            self.ledger,
            self.operations,
            CommandLineage(60, settings().sources_dir),
        )
        return Stores(self.deltas, self.totals, self.keys, self.cache, *beside)


@dataclass
class Caller:
    """Asks the API with a key."""

    client: FlaskClient
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **parameters: object) -> Any:
        """The response; its `json` is the document."""
        headers = {"Authorization": f"Bearer {self.key}", **self.headers}
        return self.client.get(path, query_string=parameters, headers=headers)

    def answer(self, ranking: str, **parameters: object) -> Any:
        """The document of an answer that must come."""
        response = self.get(f"/v1/rankings/{ranking}", **parameters)
        assert response.status_code == 200, response.json
        return response.json


def sale(sale_id: str = "1", **fields: Any) -> Sale:
    """A sale in Berlin unless told otherwise."""
    values: dict[str, Any] = {
        "source": "shop",
        "sale_id": sale_id,
        "occurred_at": NOW - timedelta(days=1),
        "country": "Germany",
        "city": "Berlin",
        "salesman_id": "s1",
        "salesman": "Ana",
        "amount": Decimal("10.00"),
        "currency": "EUR",
    }
    return Sale(**{**values, **fields})


PLACES = (
    ("Germany", "Berlin"),
    ("Germany", "Zürich"),
    ("Österreich", "Wien"),
    ("Österreich", "wien"),
    ("日本", "東京"),
    ("Côte d'Ivoire", "Abi\\djan"),
    ("", "nowhere"),
)


def history(seed: int, records: int = 400, sales: int = 120) -> list[Change]:
    """Random records in the order of the log: new sales, changes, moves, deletions, returns; with many ties."""
    dice = random.Random(seed)
    moment = NOW - timedelta(days=2)
    found: list[Change] = []
    for _ in range(records):
        moment += timedelta(milliseconds=dice.randrange(1, 3000))
        sale_id = str(dice.randrange(sales))
        found.append((moment, Deletion("shop", sale_id) if dice.random() < 0.1 else _random_sale(dice, sale_id)))
    return found


def _random_sale(dice: random.Random, sale_id: str) -> Sale:
    country, city = dice.choice(PLACES)
    return sale(
        sale_id,
        occurred_at=NOW - timedelta(days=dice.randrange(5), hours=dice.randrange(24)),
        country=country,
        city=city,
        salesman_id=f"s{dice.randrange(6)}",
        amount=dice.choice([Decimal("5.00"), Decimal("-5.00"), Decimal(dice.randrange(-9999, 99999)) / 100]),
        currency=dice.choice(["EUR", "EUR", "USD"]),
    )


def totals(ranking: Ranking, changes: Iterable[Change]) -> dict[SumKey, Total]:
    """The oracle's sums after all the changes."""
    return sums(ranking, state(record for _, record in changes).values(), ZONE)


def deltas(ranking: Ranking, changes: Sequence[Change]) -> list[tuple[datetime, SumKey, Total, int]]:
    """What the live job writes: signed sums by log second, and of how many records each is."""
    known: dict[tuple[str, str], Sale] = {}
    rows: dict[tuple[datetime, SumKey], tuple[Total, int]] = {}
    for moment, record in changes:
        second = moment.replace(microsecond=0)
        for one, sign in ((known.pop(record.key, None), -1), (None if isinstance(record, Deletion) else record, 1)):
            if one is not None:
                _add(rows, (second, next(iter(sums(ranking, [one], ZONE)))), one.amount * sign, sign)
        if isinstance(record, Sale):
            known[record.key] = record
    return [(second, key, total, records) for (second, key), (total, records) in rows.items()]


def _add(
    rows: dict[tuple[datetime, SumKey], tuple[Total, int]], at: tuple[datetime, SumKey], amount: Decimal, sales: int
) -> None:
    total, records = rows.get(at, (Total(Decimal("0.00"), 0), 0))
    rows[at] = total.plus(amount, sales), records + 1


def difference(new: dict[SumKey, Total], old: dict[SumKey, Total]) -> dict[SumKey, Total]:
    """What one version adds to the version before it."""
    nothing = Total(Decimal("0.00"), 0)
    pairs = {key: (new.get(key, nothing), old.get(key, nothing)) for key in {*new, *old}}
    return {key: Total(a.amount - b.amount, a.sales - b.sales) for key, (a, b) in pairs.items() if a != b}


def expected(ranking: Ranking, totals_: dict[SumKey, Total], asked: Filter) -> list[dict[str, object]]:
    """The lines that an answer must have, without names."""
    return [
        {
            "rank": entry.rank,
            **dict(zip(ranking.subject, entry.subject, strict=True)),
            "amount": f"{entry.amount:.2f}",
            "sales": entry.sales,
        }
        for entry in answer(ranking, totals_, asked)
    ]


def without_names(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value for name, value in line.items() if name != "salesman"} for line in lines]


def publication(version: int, boundary: datetime, versions: tuple[int, ...] = (), **fields: Any) -> Publication:
    """A publication that has a history of every ranking."""
    values = {"rankings": tuple(each.name for each in RANKINGS), "published_at": boundary + timedelta(minutes=5)}
    return Publication(version, boundary, versions or (version,), **{**values, **fields})


def standing(of: Publication | None = None, *, seen_through: datetime | None = NOW) -> Standing:
    """Every source has been read up to that moment."""
    progress = tuple(SourceProgress(each, seen_through, 3) for each in TOPICS)
    return Standing(of, progress, {"events.rest": 2}, {"till": 1})
