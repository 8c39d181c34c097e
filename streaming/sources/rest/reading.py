"""One reading of a service: page after page, each published together with the position behind it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import structlog

from runtime.errors import Permanent, Retryable
from streaming.sources.records import Batch, Memory, Row
from streaming.sources.rest import since as changes
from streaming.sources.rest.answer import Page, Told
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.paging import Onward, Trail, digest, first_page, onward
from streaming.sources.rest.parts import NumberedPaging
from streaming.sources.rest.position import POSITION, Known, Position, Unfinished, known, now_text, state_of
from streaming.sources.rest.seen import Seen
from streaming.sources.rest.service import Service
from streaming.sources.web.caller import Answer as Fetched

Batches = Generator[Batch, None, str | None]
"""The batches of one page; what is returned in the end is the address of the next page."""

log = structlog.get_logger()


class Reading:
    """One reading, from where the memory says.

    Args:
        source: the definition.
        service: answers.
        memory: what the source remembers.
    """

    def __init__(self, source: RestSource, service: Service, memory: Memory) -> None:
        self._source, self._service = source, service
        self._memory = dict(memory)
        self._began = time.monotonic()
        self._seen = Seen(memory, source.limits.remembered)
        self._position = Position.of(memory)
        self._resumed = self._position.unfinished is not None or self._position.begin is not None
        self._begin(self._position.unfinished or self._beginning(self._position.begin))

    def batches(self) -> Iterator[Batch]:
        """Every page's records, in batches; one is asked for only after the one before is published.

        Raises:
            Retryable: the service is away, or the reading takes too long; the next one goes on.
            Permanent: a person has to change something.
        """
        asked: str | None = self._at.url
        while asked is not None:
            self._check_time()
            asked = yield from self._page(asked)

    def _begin(self, at: Unfinished) -> None:
        self._at = at
        since, high = self._source.since, at.high if at.high is not None else self._position.reached
        self._window = None if since is None else changes.Window(since, high, datetime.now(UTC))

    def _beginning(self, told: str | None) -> Unfinished:
        since = self._source.since
        value = None if since is None else changes.asked(since, self._position.reached)
        return Unfinished(told or first_page(self._source, value))

    def _page(self, asked: str) -> Batches:
        number = self._at.trail.pages + 1
        before = known(self._memory, number, asked) if self._at.taken == 0 else None
        fetched = self._service.get(asked, dict(before.conditions()) if before else {}, self._accepted())
        if fetched.status == HTTPStatus.GONE:
            return self._anew()
        self._resumed = False
        if fetched.status == HTTPStatus.NOT_MODIFIED:
            return (yield from self._unchanged(asked, before))
        return (yield from self._records(asked, fetched, Page(self._source, fetched, number)))

    def _accepted(self) -> frozenset[int]:
        """The statuses that say where the pages end, or that a remembered place is there no more."""
        paging = self._source.paging
        ends = paging.end_statuses if isinstance(paging, NumberedPaging) and self._at.trail.pages else ()
        return frozenset({*ends, *([HTTPStatus.GONE] if self._resumed else [])})

    def _anew(self) -> str:
        """The service has forgotten the place: what was read up to it stays published."""
        log.warning("the service does not know the remembered place; the reading begins anew", source=self._source.name)
        begin = self._position.begin if self._position.unfinished else None
        self._position = replace(self._position, unfinished=None, begin=begin)
        self._resumed = begin is not None
        self._begin(self._beginning(begin))
        return self._at.url

    def _unchanged(self, asked: str, before: Known | None) -> Batches:
        if before is None:
            raise Retryable("the service says that nothing has changed, and was not asked that", received="HTTP 304")
        trail = self._at.trail.after(asked, b"", self._source.limits.pages)
        yield from self._closing([], trail, before.onward, {})
        return before.next

    def _records(self, asked: str, fetched: Fetched, page: Page) -> Batches:
        trail = self._at.trail.after(asked, page.content, self._source.limits.pages)
        after = onward(self._source, self._service.hosts, asked, page)
        content, rows = digest(page.content), list[Row]()
        first = self._at.taken if self._at.content == content else 0
        for number, told in enumerate(page.records(first), first + 1):
            rows.extend(self._new(told))
            if len(rows) >= self._source.limits.batch_rows and number < len(page):
                self._at = replace(self._at, high=self._high, taken=number, content=content)
                yield from self._batch(rows, replace(self._position, unfinished=self._at), {})
                rows = []
        yield from self._closing(rows, trail, after, state_of(asked, trail.pages, fetched.headers, after))
        return after.next

    def _new(self, told: Told) -> Iterator[Row]:
        """The row, unless it was published with this content before."""
        if self._window is not None and told.row.fields is not None:
            self._window.see(told.row.fields)
        if told.identity is None or not self._seen.unchanged(told.identity, told.row.raw):
            yield told.row

    def _closing(self, rows: list[Row], trail: Trail, after: Onward, states: dict[str, Any]) -> Iterator[Batch]:
        """The last batch of a page, with the position behind the page."""
        if after.next is not None:
            self._at = Unfinished(after.next, self._high, trail=trail)
            self._position = replace(self._position, unfinished=self._at)
        else:
            self._check_window()
            read_at = None if self._source.cron is None else now_text()
            self._position = Position(self._high, after.again, read_at)
        yield from self._batch(rows, self._position, states)

    def _batch(self, rows: list[Row], position: Position, states: dict[str, Any]) -> Iterator[Batch]:
        """The batch, unless it would say nothing new."""
        seen = self._seen.published(self._high, self._reaches_back_to())
        remember = {POSITION: position.as_json(), **states, **seen}
        remember = {name: value for name, value in remember.items() if value != self._memory.get(name)}
        if rows or remember:
            yield Batch(rows, remember)
            self._memory |= remember

    @property
    def _high(self) -> str | None:
        return None if self._window is None else self._window.reached

    def _reaches_back_to(self) -> Decimal | None:
        """No later reading asks for less than this."""
        since = self._source.since
        if since is None or self._high is None:
            return None
        return Decimal(self._high) - since.overlap

    def _check_window(self) -> None:
        """A wrong path would have everything read again for ever."""
        window, since = self._window, self._source.since
        if window is not None and since is not None and window.records and not window.seen:
            received = f"{window.records} records without one"
            valid = f"{since.form} in some record of each reading"
            raise Permanent(
                f"no record has a time or number of change at {since.field}", received=received, valid=valid
            )

    def _check_time(self) -> None:
        if time.monotonic() - self._began > self._source.limits.reading_seconds:
            raise Retryable(
                "the reading takes longer than allowed",
                valid=f"at most {self._source.limits.reading_seconds:g} s",
                todo="it goes on where it ended; raise limits.reading_seconds if it may take longer",
            )
