"""The same work as plain Python on one core: what the stream engine has to be worth its trouble against.

`plain` trusts every record and keeps the sums of both rankings at hand, written out as one would for just these two.
`checked` applies the whole contract and the oracle. Both have the records in memory already, and neither keeps
anything through a crash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from rankings import oracle
from rankings.catalogue import RANKINGS
from rankings.contract import parse
from rankings.oracle import SumKey, Total
from rankings.ranking import Ranking
from rankings.sale import Deletion, Sale

TOPIC = "events.files"
Sums = dict[tuple[str, ...], list[int]]


@dataclass(slots=True)
class Sold:
    """Hundredths and number of sales, by business day (UTC), currency and the ranking's subject."""

    cities: Sums = field(default_factory=dict)
    salesmen: Sums = field(default_factory=dict)

    def totals(self) -> dict[str, Sums]:
        """By the name of the ranking, without what came to nothing."""
        named = {"top-sales-per-city": self.cities, "top-salesman-in-country": self.salesmen}
        return {name: {key: total for key, total in sums.items() if any(total)} for name, sums in named.items()}


def plain(payloads: Iterable[bytes]) -> Sold:
    """The sums after all records."""
    sold = Sold()
    sales: dict[str, dict[str, Any]] = {}
    for payload in payloads:
        record = json.loads(payload)
        key = record["source"] + "/" + record["sale_id"]
        before = sales.pop(key, None)
        if before is not None:
            _count(sold, before, -1)
        if not record.get("deleted"):
            sales[key] = record
            _count(sold, record, 1)
    return sold


def _count(sold: Sold, sale: dict[str, Any], sign: int) -> None:
    day, currency, country = sale["occurred_at"][:10], sale["currency"], sale["country"]
    cents = sign * int(sale["amount"].replace(".", ""))
    city = sold.cities.setdefault((day, currency, country, sale["city"]), [0, 0])
    city[0] += cents
    city[1] += sign
    salesman = sold.salesmen.setdefault((day, currency, country, sale["salesman_id"]), [0, 0])
    salesman[0] += cents
    salesman[1] += sign


def checked(payloads: Iterable[bytes]) -> dict[Ranking, dict[SumKey, Total]]:
    """The oracle's sums after all records that the contract takes."""
    said = (parse(payload) for payload in payloads)
    sales = oracle.state(each for each in said if isinstance(each, Sale | Deletion))
    return {ranking: oracle.sums(ranking, sales.values(), ZoneInfo("UTC")) for ranking in RANKINGS}
