"""The records of a case as signed deltas: what the live job and a reconciliation write, made in plain Python.

A record of a sale gives minus what the sale was before and plus what it is now, both at the new record's log second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from rankings import oracle
from rankings.oracle import SumKey, Total
from rankings.ranking import Ranking
from rankings.sale import Deletion, Key, Sale

Changes = Iterable[tuple[datetime, Sale | Deletion]]


@dataclass(frozen=True, slots=True)
class Delta:
    """A change of one sum; `records` says how many changes it is made of."""

    amount: Decimal
    sales: int
    records: int


Live = dict[tuple[datetime, SumKey], Delta]


def live(ranking: Ranking, changes: Changes, zone: ZoneInfo) -> Live:
    """The rows of the ranking's live table, by log second and sum key."""
    rows: Live = {}
    for time, sale, sign in _steps(changes):
        second = time.replace(microsecond=0)
        for key, total in oracle.sums(ranking, [sale], zone).items():
            old = rows.get((second, key), Delta(Decimal("0.00"), 0, 0))
            rows[second, key] = Delta(old.amount + sign * total.amount, old.sales + sign, old.records + 1)
    return rows


def _steps(changes: Changes) -> Iterator[tuple[datetime, Sale, int]]:
    """What went (-1) and what came (+1) with each record."""
    present: dict[Key, Sale] = {}
    for time, change in changes:
        before = present.pop(change.key, None)
        if before is not None:
            yield time, before, -1
        if isinstance(change, Sale):
            present[change.key] = change
            yield time, change, 1


def history(ranking: Ranking, changes: Changes, zone: ZoneInfo, boundary: datetime) -> dict[SumKey, Total]:
    """The ranking's sums over what was before the boundary: the gold of a reconciliation up to it."""
    before = (change for time, change in changes if time < boundary)
    return oracle.sums(ranking, oracle.state(before).values(), zone)


def difference(new: dict[SumKey, Total], old: dict[SumKey, Total]) -> dict[SumKey, Total]:
    """What has to be added to the old sums to get the new ones; what stays as it was is left out."""
    changed = (key for key in new.keys() | old.keys() if new.get(key, oracle.NOTHING) != old.get(key, oracle.NOTHING))
    return {key: _minus(new.get(key, oracle.NOTHING), old.get(key, oracle.NOTHING)) for key in changed}


def _minus(new: Total, old: Total) -> Total:
    return Total(new.amount - old.amount, new.sales - old.sales)
