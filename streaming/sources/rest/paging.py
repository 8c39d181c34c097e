"""Where a reading begins, where it goes on, and how it is noticed that it would go on for ever."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from runtime.errors import Permanent, Retryable
from streaming.sources.rest.answer import Page
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.parts import (
    CursorPaging,
    LinkPaging,
    NextUrlPaging,
    NumberedPaging,
    PagePaging,
)
from streaming.sources.rest.paths import steps
from streaming.sources.web.hosts import Hosts, shown

SAME_PAGES = 3
"""So many pages of one content in a row are one page that repeats: a feed may tell one change twice."""


@dataclass(frozen=True, slots=True)
class Onward:
    """What comes after a page.

    Attributes:
        next: the address of the next page of this reading; None at the end.
        again: where the next reading begins, if not where this one did.
    """

    next: str | None
    again: str | None = None


def first_page(source: RestSource, since: str | None) -> str:
    """The address that a reading begins with.

    Args:
        source: the definition.
        since: the value of the parameter of `since`, if it is sent.
    """
    params = dict(source.params)
    if isinstance(source.paging, NumberedPaging):
        params[source.paging.param] = str(source.paging.first)
        if source.paging.size_param is not None:
            params[source.paging.size_param] = str(source.paging.size)
    if source.since is not None and since is not None:
        params[source.since.param] = since
    return str(httpx.URL(str(source.url)).copy_merge_params(params))


def onward(source: RestSource, hosts: Hosts, asked: str, page: Page) -> Onward:
    """What comes after a page.

    Args:
        source: the definition.
        hosts: says which addresses are allowed.
        asked: the address that was asked for; redirects from there do not count.
        page: what came.

    Raises:
        Retryable: the answer's word about the next page is of a wrong type.
        Permanent: it leads to a host that is not allowed.
    """
    match source.paging:
        case LinkPaging():
            return Onward(_joined(hosts, page, _linked(page.headers)))
        case NextUrlPaging() as paging:
            return Onward(_joined(hosts, page, _scalar(page.value(steps(paging.next)), paging.next)))
        case CursorPaging() as paging:
            return _by_cursor(paging, asked, page)
        case NumberedPaging() as paging:
            return _by_number(paging, asked, page)
        case _:
            return Onward(None)


def _joined(hosts: Hosts, page: Page, told: str | None) -> str | None:
    return None if told is None else hosts.next(page.url, told)


def _linked(headers: httpx.Headers) -> str | None:
    """The target of relation `next`; a link may have several relations."""
    for link in httpx.Response(200, headers=headers).links.values():
        if "next" in link.get("rel", "").lower().split():
            return link.get("url")
    return None


def _by_cursor(paging: CursorPaging, asked: str, page: Page) -> Onward:
    cursor = _scalar(page.value(steps(paging.next)), paging.next)
    following = None if cursor is None else str(httpx.URL(asked).copy_set_param(paging.param, cursor))
    ends = following is None or not _more(paging.more, page)
    if not paging.lasting:
        return Onward(None if ends else following)
    ends = ends or following == asked or len(page) == 0
    return Onward(None if ends else following, again=following or asked)


def _by_number(paging: NumberedPaging, asked: str, page: Page) -> Onward:
    """A page with fewer records than asked for need not be the last: services have limits of their own."""
    if len(page) == 0 or not _more(paging.more, page):
        return Onward(None)
    step = 1 if isinstance(paging, PagePaging) else len(page)
    number = int(httpx.URL(asked).params[paging.param]) + step
    return Onward(str(httpx.URL(asked).copy_set_param(paging.param, str(number))))


def _more(path: str | None, page: Page) -> bool:
    if path is None:
        return True
    told = page.value(steps(path))
    if told is None or isinstance(told, bool):
        return bool(told)
    raise Retryable(f"{path} does not say whether there is more", received=told, valid="true or false")


def _scalar(told: Any, path: str) -> str | None:
    """Text or number as text; null and empty text are the end."""
    if told is None or told == "":
        return None
    if isinstance(told, str):
        return told
    raise Retryable(f"{path} does not tell the next page", received=told, valid="text or a number, null at the end")


@dataclass(frozen=True, slots=True)
class Trail:
    """What is known of the pages of a reading, in little memory however many there are.

    Addresses that come round are noticed with Brent's algorithm: each is compared with one that was kept at a power of
    two. The same records in page after page are noticed by their digest.

    Attributes:
        pages: how many were read.
        kept: the digest of the address that is compared with.
        power: after how many pages another one is kept.
        since: pages since it was kept.
        content: the digest of the last page's records.
        same: how many pages in a row had that digest.
    """

    pages: int = 0
    kept: str = ""
    power: int = 1
    since: int = 0
    content: str = ""
    same: int = 0

    def after(self, asked: str, records: bytes, most: int) -> Trail:
        """The trail with one more page.

        Args:
            asked: the page's address.
            records: the text of its records; empty where it has none, or they have not changed.
            most: how many pages a reading may have.

        Raises:
            Permanent: the pages repeat, or there are more than allowed.
        """
        place, content = digest(asked.encode()), digest(records) if records else ""
        if place == self.kept:
            raise _endless("an address comes round again", asked)
        same = self.same + 1 if content and content == self.content else 1
        if same >= SAME_PAGES:
            raise _endless(f"{same} pages in a row hold the same records", asked)
        if self.pages + 1 > most:
            raise Permanent("too many pages", received=shown(asked), valid=f"at most {most}", todo="raise limits.pages")
        keeps = self.since + 1 >= self.power
        return Trail(
            pages=self.pages + 1,
            kept=place if keeps or not self.kept else self.kept,
            power=self.power * 2 if keeps else self.power,
            since=0 if keeps else self.since + 1,
            content=content,
            same=same,
        )

    def as_json(self) -> dict[str, Any]:
        """For the source's memory."""
        return asdict(self)


def _endless(why: str, asked: str) -> Permanent:
    todo = "the service does not obey the paging of the definition: check its `param` and `next`"
    return Permanent(f"the pages repeat for ever: {why}", received=shown(asked), todo=todo)


def digest(told: bytes) -> str:
    """A short text that stands for these bytes."""
    return hashlib.sha256(told).hexdigest()[:24]
