"""Tries a definition against the real service, one page of it, and says what it would do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice

from rankings.contract import shown as cut
from runtime.errors import TidelakeError
from runtime.settings import Settings
from streaming.sources.mapping import Mapper
from streaming.sources.records import Finding, Row
from streaming.sources.rest import since as changes
from streaming.sources.rest.answer import Page, Told
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.paging import first_page, onward
from streaming.sources.rest.paths import at, steps
from streaming.sources.rest.service import Service
from streaming.sources.web.hosts import shown

SAMPLE, LOOKED_AT = 5, 100
LONGEST = 400


def check(source: RestSource, chosen: Settings) -> Iterator[Finding]:
    """What was found, in the order of a reading; it ends with the first thing without which nothing can be read."""
    try:
        with closing(Service(source)) as service:
            yield from _findings(source, service)
    except TidelakeError as error:
        yield Finding(False, error.wrong + (f": {error.received}" if error.received else ""), error.todo or "")


def _findings(source: RestSource, service: Service) -> Iterator[Finding]:
    if source.auth is not None:
        yield _encrypted(source)
    since = None if source.since is None else changes.asked(source.since, None)
    asked, began = first_page(source, since), time.monotonic()
    try:
        fetched = service.get(asked)
        took = time.monotonic() - began
        yield Finding(True, f"{shown(asked)} answers HTTP {fetched.status}, {len(fetched.body)} bytes in {took:.1f} s")
        page = Page(source, fetched, 1)
        yield Finding(True, f"the page holds {len(page)} records at {source.records or 'its top'}")
        following = onward(source, service.hosts, asked, page)
    except TidelakeError as error:
        raise service.secrets.without(error) from None
    yield Finding(True, _then(following.next, following.again))
    yield from _conditional(fetched.headers)
    told = list(islice(page.records(), LOOKED_AT))
    yield from _changes(source, [each.row for each in told])
    yield from _identities(told)
    yield _schedule(source)
    yield from _sample(source, [each.row for each in told[:SAMPLE]])


def _encrypted(source: RestSource) -> Finding:
    plain = source.url.scheme == "http"
    todo = "use https, unless the way to the service is closed to others" if plain else ""
    return Finding(True, f"credentials of kind {source.auth and source.auth.kind} go over {source.url.scheme}", todo)


def _then(following: str | None, again: str | None) -> str:
    if following is not None:
        return f"the next page is {shown(following)}"
    return "there is no other page" + (f"; the next reading begins with {shown(again)}" if again else "")


def _conditional(headers: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the service lets unchanged pages be left out."""
    if headers.get("ETag") or headers.get("Last-Modified"):
        yield Finding(True, "the service tells a page's state: what has not changed is not sent again")


def _changes(source: RestSource, rows: list[Row]) -> Iterator[Finding]:
    if source.since is None:
        what = "everything is read each time"
        yield Finding(True, what, "name a time or number of change under `since` if the service can be asked for it")
        return
    way = steps(source.since.field)
    values = [at(row.fields, way) for row in rows if row.fields is not None]
    if not values:
        return
    good = sum(changes.read(source.since.form, value) is not None for value in values)
    what = f"{source.since.field} is {source.since.form} in {good} of {len(values)} records"
    yield Finding(good > 0, what, "" if good else f"received {values[0]!r}; check since.field and since.form")


def _identities(told: list[Told]) -> Iterator[Finding]:
    readable = [each for each in told if each.row.fields is not None]
    missing = sum(each.identity is None for each in readable)
    if missing:
        what = f"{missing} of {len(readable)} records do not tell which record they are"
        yield Finding(True, what, "name the field under `identity`, or they are published at each reading")


def _schedule(source: RestSource) -> Finding:
    following = source.next_reading(datetime.now(UTC)).astimezone(UTC)
    every = f"cron {source.cron} ({source.time_zone})" if source.cron else f"every {source.every_seconds:g} s"
    return Finding(True, f"it is read {every}; after a reading that ends now, at {following:%Y-%m-%d %H:%M:%S} UTC")


def _sample(source: RestSource, rows: list[Row]) -> Iterator[Finding]:
    """What the first records become."""
    mapper = Mapper(source)
    for row in rows:
        outcome = mapper.map([row])
        for accepted in outcome.accepted:
            yield Finding(True, f"{row.at} becomes {accepted.payload.decode()}"[:LONGEST])
        for refused in outcome.refused:
            yield Finding(False, f"{row.at} would be quarantined: {refused.reason}", f"it came as {_came(row)}")


def _came(row: Row) -> str:
    return cut(row.raw.decode("utf-8", "replace"), 200)
