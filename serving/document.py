"""An answer as the JSON document that callers get."""

from __future__ import annotations

import threading
from decimal import Context, Decimal

from cachetools import TTLCache

from serving.answers import Answer
from serving.asked import Asked
from serving.evidence import Document, evidence
from serving.found import Before, Entry, Ranked

LINES_KEPT, KEPT_SECONDS = 20_000, 1.0

_lines: TTLCache[int, tuple[Ranked, list[Document]]] = TTLCache(
    LINES_KEPT, KEPT_SECONDS, getsizeof=lambda kept: len(kept[1]) + 1
)
_lock = threading.Lock()

EXACT = Context(prec=60)
"""Sums have up to 38 digits, more than Python's usual context keeps."""


def document(answer: Answer, freshness_limit_seconds: float) -> Document:
    """The whole document; see `docs/api.md` for what each field means."""
    asked = answer.asked
    return {
        "ranking": asked.ranking.name,
        "title": asked.ranking.title,
        "view": asked.view,
        "currency": asked.currency,
        "country": asked.country,
        "from": asked.first_day.isoformat() if asked.first_day else None,
        "to": asked.last_day.isoformat() if asked.last_day else None,
        "limit": asked.limit,
        "data": lines(asked, answer.ranked),
        "evidence": evidence(answer, freshness_limit_seconds),
    }


def lines(asked: Asked, ranked: Ranked) -> list[Document]:
    """The lines; nobody may change them, since others who get the same figures get the same lines."""
    with _lock:
        kept = _lines.get(id(ranked))
    if kept is None:
        # With the figures themselves, so that no others get their address meanwhile.
        kept = ranked, [_line(asked, entry) for entry in ranked.entries]
        if len(ranked.entries) <= LINES_KEPT // 10:
            with _lock:
                _lines[id(ranked)] = kept
    return kept[1]


def _line(asked: Asked, entry: Entry) -> Document:
    labels = (label.column for label in asked.ranking.labels)
    line: Document = {
        "rank": entry.rank,
        **dict(zip(asked.ranking.subject, entry.subject, strict=True)),
        **dict(zip(labels, entry.names, strict=True)),
        "amount": money(entry.amount),
        "sales": entry.sales,
    }
    if entry.period is not None:
        line = {"period": entry.period.isoformat(), **line}
    return line if entry.before is None else {**line, **_beside(entry, entry.before)}


def _beside(entry: Entry, before: Before) -> Document:
    """What a comparison has beside the figures; ranks are null where there is nothing."""
    both = entry.rank and before.rank
    return {
        "rank": entry.rank or None,
        "before": {"rank": before.rank or None, "amount": money(before.amount), "sales": before.sales},
        "amount_change": money(EXACT.subtract(entry.amount, before.amount)),
        "rank_change": before.rank - entry.rank if both else None,
    }


def money(amount: Decimal) -> str:
    """A sum as a decimal string with two digits behind the point.

    >>> money(Decimal("1234567890123456789012345678901234.5")), money(Decimal("-0.10"))
    ('1234567890123456789012345678901234.50', '-0.10')
    """
    # Not quantize(): it is bound to the context's 28 digits, and a sum may have 38.
    whole, _, cents = f"{amount:f}".partition(".")
    return f"{whole}.{cents.ljust(2, '0')}"
