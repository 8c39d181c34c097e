"""The boundary on a time line: what is history in an answer, what is live, and how far each source has been read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

WIDTH = 1000
"""Units of the drawing; the page scales it."""

PART_BEFORE = 0.35
"""How much of it is history."""

SHORTEST = timedelta(minutes=1)

Topic = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a source has been read.

    Attributes:
        topic: the source's document, as `freshness` gives it.
        at: where that is on the drawing, in units; None if it is not known.
    """

    topic: Topic
    at: int | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing.

    Attributes:
        boundary: where T is, in units; 0 if all is live.
        boundary_at: T as text, or None.
        now: the moment of the answer as text.
        live_share: percent of the turnover that came live.
        sources: how far each has been read.
    """

    boundary: int
    boundary_at: str | None
    now: str
    live_share: str
    sources: tuple[Reach, ...]


def timeline(body: Mapping[str, Any], topics: Sequence[Topic], now: datetime) -> Timeline:
    """The drawing of an answer's evidence.

    Args:
        body: the answer.
        topics: how far each source has been read.
        now: the right end.
    """
    evidence = body["evidence"]
    boundary = datetime.fromisoformat(evidence["boundary"]) if evidence["boundary"] else None
    begin = int(WIDTH * PART_BEFORE) if boundary else 0
    span = max(now - boundary, SHORTEST) if boundary else timedelta(hours=1)
    sources = tuple(Reach(each, _at(each["seen_through"], now, span, begin)) for each in topics)
    share = f"{float(evidence['live_share']) * 100:.1f}"
    return Timeline(begin, evidence["boundary"], evidence["answered_at"], share, sources)


def _at(seen_through: str | None, now: datetime, span: timedelta, begin: int) -> int | None:
    if seen_through is None:
        return None
    part = 1 - (now - datetime.fromisoformat(seen_through)) / span
    return max(0, min(WIDTH, int(begin + (WIDTH - begin) * part)))
