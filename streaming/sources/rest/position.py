"""What a source over REST remembers of where it is; written in one transaction with the records that belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from streaming.sources.records import Memory
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.paging import Onward, Trail
from streaming.sources.rest.seen import PREFIX as SEEN
from streaming.sources.web.later import http_date

POSITION, MADE_BY, PAGE = "position", "made_by", "page/"
KEPT_PAGES = 1000
"""Of so many pages of a reading it is remembered in which state they were."""

SETTLED = timedelta(seconds=2)
"""A page that was changed this shortly before it was answered may change again within the same second."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A reading that is not at its end.

    Attributes:
        url: of the page that comes next.
        high: the highest time or number of change of the reading so far.
        taken: how many records of that page are taken already.
        content: the digest of that page's records, if some are taken: another page is taken from its beginning.
        trail: of the pages before it.
    """

    url: str
    high: str | None = None
    taken: int = 0
    content: str = ""
    trail: Trail = field(default_factory=Trail)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a source is.

    Attributes:
        reached: the highest time or number of change of complete readings.
        begin: the address that the next reading begins with, where the last one told it.
        read_at: when the last reading was complete, in UTC.
        unfinished: the reading that is under way.
    """

    reached: str | None = None
    begin: str | None = None
    read_at: str | None = None
    unfinished: Unfinished | None = None

    @staticmethod
    def of(memory: Memory) -> Position:
        """The position that a source remembers; the beginning where it remembers none."""
        told = dict(memory.get(POSITION) or {})
        unfinished = told.pop("unfinished", None)
        if unfinished is not None:
            unfinished = Unfinished(**{**unfinished, "trail": Trail(**unfinished["trail"])})
        return Position(**told, unfinished=unfinished)

    def as_json(self) -> dict[str, Any]:
        """For the source's memory."""
        return asdict(self)


def forgotten(source: RestSource, memory: Memory) -> dict[str, Any]:
    """What has to be remembered anew because the definition is another one; empty where it is the same.

    A source that asks for something else begins anew; one whose records become other sales takes every record that it
    reads again.
    """
    made_by = {"asked": source.asked, "mapped": source.mapped}
    before = memory.get(MADE_BY)
    if before == made_by:
        return {}
    stale = [name for name in memory if name.startswith((SEEN, PAGE))]
    if before is not None and before["asked"] != source.asked and POSITION in memory:
        stale.append(POSITION)
    return {**dict.fromkeys(stale), MADE_BY: made_by}


@dataclass(frozen=True, slots=True)
class Known:
    """The state in which a page was when its records were taken, and what came after it.

    Attributes:
        url: of the page.
        etag: its entity tag, as it came.
        modified: its time of change, as it came.
        next: as `Onward`.
        again: as `Onward`.
    """

    url: str
    etag: str | None
    modified: str | None
    next: str | None
    again: str | None

    @property
    def onward(self) -> Onward:
        """What comes after the page."""
        return Onward(self.next, self.again)

    def conditions(self) -> Iterator[tuple[str, str]]:
        """The headers that ask for the page only if it has changed."""
        if self.etag is not None:
            yield "If-None-Match", self.etag
        if self.modified is not None:
            yield "If-Modified-Since", self.modified


def known(memory: Memory, number: int, url: str) -> Known | None:
    """What is known of a page of this number, if its address is the same."""
    told = memory.get(f"{PAGE}{number}")
    return Known(**told) if told is not None and told["url"] == url else None


def state_of(url: str, number: int, headers: httpx.Headers, after: Onward) -> dict[str, Any]:
    """What has to be remembered of a page."""
    if number > KEPT_PAGES:
        return {}
    etag, modified = headers.get("ETag"), _settled(headers)
    if etag is None and modified is None:
        return {f"{PAGE}{number}": None}
    return {f"{PAGE}{number}": asdict(Known(url, etag, modified, after.next, after.again))}


def _settled(headers: httpx.Headers) -> str | None:
    """`Last-Modified`, where a later change cannot have the same one (RFC 9110, 8.8.2.2)."""
    told = headers.get("Last-Modified")
    changed, answered = http_date(told or ""), http_date(headers.get("Date", ""))
    if changed is None or answered is None or answered - changed < SETTLED:
        return None
    return str(told)


def now_text() -> str:
    """The present moment, as it is remembered."""
    return datetime.now(UTC).isoformat()
