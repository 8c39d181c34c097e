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

WINDOW = timedelta(minutes=5)
"""How far back the sources' bars reach."""

Topic = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a source has been read.

    Attributes:
        topic: the source's document, as `freshness` gives it.
        at: where that is within the last minutes, in units; 0 if it is further back or not known.
    """

    topic: Topic
    at: int


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
    begin = int(WIDTH * PART_BEFORE) if evidence["boundary"] else 0
    sources = tuple(Reach(each, _at(each["seen_through"], now)) for each in topics)
    share = f"{float(evidence['live_share']) * 100:.1f}"
    return Timeline(begin, evidence["boundary"], evidence["answered_at"], share, sources)


def _at(seen_through: str | None, now: datetime) -> int:
    if seen_through is None:
        return 0
    part = 1 - (now - datetime.fromisoformat(seen_through)) / WINDOW
    return max(0, min(WIDTH, int(WIDTH * part)))
