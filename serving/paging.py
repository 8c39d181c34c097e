"""Where a page of an answer ends: stores are asked for one entry more than a caller wants, to know of further ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from serving.asked import Asked
from serving.found import NOTHING, Entry, Ranked


def trimmed(
    asked: Asked, entries: Iterable[Entry], live_turnover: Decimal = NOTHING, all_turnover: Decimal = NOTHING
) -> Ranked:
    """The figures without the entries that stand there to say that there are more.

    Subjects that have figures only in the period that is compared with come last: they have a place, and no rank.
    """
    last = asked.after + asked.limit
    found = tuple(entries)
    kept = tuple(_without_place(entry) for entry in found if entry.rank <= last)
    return Ranked(kept, live_turnover, all_turnover, more=len(kept) < len(found))


def _without_place(entry: Entry) -> Entry:
    return replace(entry, rank=0) if entry.before and not entry.amount and not entry.sales else entry
