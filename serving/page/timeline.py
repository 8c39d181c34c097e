"""The boundary on a time line: what is history in an answer, what is live, and how far each source has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

WIDTH = 1000
"""Units of the drawing; the page scales it."""

PART_BEFORE = 0.35
"""How much of it is history."""

SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a source has been read."""

    topic: str
    at: int
    seen_through: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawing.

    Attributes:
        boundary: where T is, in units; 0 if all is live.
        boundary_at: T as text, or None.
        now: the moment of the answer as text.
        marks: the sources.
        live_share: percent of the turnover that came live.
    """

    boundary: int
    boundary_at: str | None
    now: str
    marks: tuple[Mark, ...]
    live_share: str


def timeline(body: Mapping[str, Any] | None, now: datetime) -> Timeline | None:
    """The drawing of an answer's evidence; None without one."""
    if body is None:
        return None
    evidence = body["evidence"]
    boundary = datetime.fromisoformat(evidence["boundary"]) if evidence["boundary"] else None
    begin = int(WIDTH * PART_BEFORE) if boundary else 0
    span = max(now - boundary, SHORTEST) if boundary else timedelta(hours=1)
    marks = tuple(
        Mark(each["topic"], _at(datetime.fromisoformat(each["seen_through"]), now, span, begin), each["seen_through"])
        for each in evidence["freshness"]
        if each["seen_through"]
    )
    share = f"{float(evidence['live_share']) * 100:.2f}"
    return Timeline(begin, evidence["boundary"], evidence["answered_at"], marks, share)


def _at(moment: datetime, now: datetime, span: timedelta, begin: int) -> int:
    part = 1 - (now - moment) / span
    return max(0, min(WIDTH, int(begin + (WIDTH - begin) * part)))
