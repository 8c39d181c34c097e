"""The shop at work: it loads sales, then changes them as people do, in the operational table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from rankings.oracle import SumKey, Total
from rankings.ranking import Ranking
from rankings.sale import Sale
from stack.shop import table
from stack.shop.generator import Generator, sale_id

LOAD_BATCH = 5_000
"""Sales in one transaction of a load: whoever watches sees them arrive in steps."""


class Kind(StrEnum):
    """What can happen to a sale."""

    INSERT = "insert"
    AMOUNT = "amount"
    CITY = "city"
    SALESMAN = "salesman"
    COUNTRY = "country"
    DAY = "day"
    DELETE = "delete"
    RETURN = "return"


SHARES = {
    Kind.INSERT: 45,
    Kind.AMOUNT: 20,
    Kind.CITY: 8,
    Kind.SALESMAN: 6,
    Kind.COUNTRY: 3,
    Kind.DAY: 6,
    Kind.DELETE: 8,
    Kind.RETURN: 4,
}
"""How often each happens, in hundredths."""


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change.

    Attributes:
        kind: what happened.
        before: the sale as it was; None if it did not exist.
        after: the sale as it is; None if it does not exist now.
        committed_at: when PostgreSQL had confirmed it, aware, UTC.
    """

    kind: Kind
    before: Sale | None
    after: Sale | None
    committed_at: datetime


class Shop:
    """One writer to the table `public.sales`. The same seed and the same table give the same changes.

    Args:
        dsn: the operational database.
        seed: what every draw starts from.
        days: over how many days the sales are spread.
        until: the newest possible time of a sale, aware, UTC; now, if it is not given.

    Raises:
        Retryable: the database does not answer.
    """

    def __init__(self, dsn: str, *, seed: int = 1, days: int = 30, until: datetime | None = None) -> None:
        self._dsn = dsn
        self._connection = table.connect(dsn)
        self._present = table.ids(self._connection)
        self._gone: list[str] = []
        self._next = _number_after(self._present)
        # The number is part of the seed, so that a second load with the same seed brings other sales.
        self._draw = Generator(f"{seed}/{self._next}", until=until or datetime.now(UTC), days=days)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def load(self, count: int, on_batch: Callable[[int], None] = lambda loaded: None) -> None:
        """Adds that many new sales as fast as PostgreSQL takes them; `on_batch` hears of each batch's size."""
        while count > 0:
            batch = list(self._draw.sales(self._next, min(count, LOAD_BATCH)))
            table.copy(self._connection, batch)
            self._present.extend(sale.sale_id for sale in batch)
            self._next += len(batch)
            count -= len(batch)
            on_batch(len(batch))

    def run(
        self, rate: float, seconds: float, on_change: Callable[[Change], None] = lambda change: None
    ) -> Counter[Kind]:
        """Makes changes at a steady rate for some time; returns how many of each kind.

        A shop that falls behind its rate catches up as fast as it can.
        """
        counts: Counter[Kind] = Counter()
        start = time.monotonic()
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            change = self.step()
            counts[change.kind] += 1
            on_change(change)
        return counts

    def step(self) -> Change:
        """Makes one change of a kind drawn by its share."""
        kind = self._draw.random.choices(list(SHARES), weights=list(SHARES.values()))[0]
        return self.make(kind)

    def make(self, kind: Kind) -> Change:
        """Makes one change of that kind, or an insert where there is no sale that it could happen to."""
        if kind is Kind.RETURN and self._gone:
            return self._insert(kind, self._draw.sale(_take(self._gone, self._draw)))
        found = self._any_sale() if kind not in (Kind.INSERT, Kind.RETURN) else None
        if found is None:
            return self._insert(Kind.INSERT, self._draw.sale(self._new_id()))
        position, before = found
        return self._delete(position, before) if kind is Kind.DELETE else self._update(kind, before)

    def all_sales(self) -> list[Sale]:
        """Every sale in the table, for the oracle."""
        return table.all_sales(self._dsn)

    def totals(self, ranking: Ranking, zone: ZoneInfo) -> dict[SumKey, Total]:
        """A ranking's sums as PostgreSQL's own GROUP BY gives them."""
        return table.totals(self._dsn, ranking, zone)

    def _insert(self, kind: Kind, sale: Sale) -> Change:
        table.insert(self._connection, sale)
        self._present.append(sale.sale_id)
        return Change(kind, None, sale, datetime.now(UTC))

    def _update(self, kind: Kind, before: Sale) -> Change:
        changes = {
            Kind.AMOUNT: self._draw.with_other_amount,
            Kind.CITY: self._draw.in_other_city,
            Kind.SALESMAN: self._draw.by_other_salesman,
            Kind.COUNTRY: self._draw.in_other_country,
            Kind.DAY: self._draw.on_other_day,
        }
        after = changes[kind](before)
        table.update(self._connection, after)
        return Change(kind, before, after, datetime.now(UTC))

    def _delete(self, position: int, before: Sale) -> Change:
        table.delete(self._connection, before.sale_id)
        self._forget(position)
        self._gone.append(before.sale_id)
        return Change(Kind.DELETE, before, None, datetime.now(UTC))

    def _any_sale(self) -> tuple[int, Sale] | None:
        """A sale that exists, and its place among the ids; ids that others have deleted are forgotten on the way."""
        while self._present:
            position = self._draw.random.randrange(len(self._present))
            sale = table.find(self._connection, self._present[position])
            if sale is not None:
                return position, sale
            self._forget(position)
        return None

    def _forget(self, position: int) -> None:
        """The last id takes the place, so that nothing has to move."""
        last = self._present.pop()
        if position < len(self._present):
            self._present[position] = last

    def _new_id(self) -> str:
        self._next += 1
        return sale_id(self._next - 1)


def all_sales(dsn: str) -> list[Sale]:
    """Every sale in a shop's table, for the oracle."""
    return table.all_sales(dsn)


def _take(ids: list[str], draw: Generator) -> str:
    return ids.pop(draw.random.randrange(len(ids)))


def _number_after(ids: list[str]) -> int:
    """The first number above those of all ids that the shop has given."""
    numbers = (int(each[1:]) for each in ids if each[:1] == "S" and each[1:].isdecimal())
    return max(numbers, default=0) + 1
