"""Where a page of an answer ends: stores are asked for one entry more than a caller wants, to know of further ones."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from serving.asked import Asked
from serving.found import NOTHING, Entry, Ranked


def trimmed(
    asked: Asked, entries: Iterable[Entry], live_turnover: Decimal = NOTHING, all_turnover: Decimal = NOTHING
) -> Ranked:
    """The figures without the entries that stand there to say that there are more."""
    last = asked.after + asked.limit
    found = tuple(entries)
    kept = tuple(entry for entry in found if entry.rank <= last)
    return Ranked(kept, live_turnover, all_turnover, more=len(kept) < len(found))
