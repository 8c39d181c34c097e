"""Asks for addresses over HTTP within the limits, and follows what they redirect to where that is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx
import structlog

from runtime.errors import Permanent, Retryable
from streaming.sources.web.hosts import Hosts, shown
from streaming.sources.web.tls import Tls, untrusted
from streaming.sources.web.transport import Guarded

REDIRECTS = frozenset({301, 302, 303, 307, 308})
KEEPING = frozenset({307, 308})
"""Redirects by which a request stays what it was; others turn a POST into a GET."""

Dress = Callable[[httpx.Request], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered.

    Attributes:
        url: that answered in the end, without credentials.
        status: of HTTP.
        headers: of the answer.
        body: decompressed.
    """

    url: str
    status: int
    headers: httpx.Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """One request, to be sent as it is to wherever it is redirected."""

    method: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


class Caller:
    """Asks the hosts of one definition. Not to be shared by threads.

    Args:
        hosts: that may be asked.
        tls: whom it trusts.
        most_bytes: largest answer, compressed or not.
        seconds: for one answer, from the first byte sent to the last received.
        redirects: most of them in a row.
        dress: puts on a request to the definition's own hosts what nobody else may see.
        before: called before each request.
    """

    def __init__(
        self,
        hosts: Hosts,
        tls: Tls,
        *,
        most_bytes: int,
        seconds: float,
        redirects: int,
        dress: Dress,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._hosts, self._seconds, self._redirects = hosts, seconds, redirects
        self._dress, self._before = dress, before
        # No client around it: redirects, cookies and credentials out of addresses are not left to a library's defaults.
        self._transport = Guarded(hosts.check, hosts.own, most_bytes, tls)
        # An event loop, as only it can put one time limit on a whole request, headers and token included.
        self._loop = asyncio.Runner()

    def ask(self, url: str, question: Question) -> Answer:
        """The answer of an address, or of the one that it is redirected to.

        Raises:
            Retryable: it does not answer in time, or not as HTTP wants it; or a certificate is not trusted.
            Permanent: an address is not allowed, or the answer is too large.
        """
        self._hosts.check(url)
        for _ in range(self._redirects + 1):
            self._before()
            came = self._loop.run(self._hop(url, question))
            if came.status not in REDIRECTS:
                return came
            url = self._following(came, question)
            log.debug("redirected", to=shown(url))
        raise Permanent("too many redirects", received=shown(url), valid=f"at most {self._redirects}")

    def close(self, *others: Awaitable[None]) -> None:
        """Closes every connection, after what else has to be awaited."""
        self._loop.run(self._aclose(others))
        self._loop.close()

    async def _aclose(self, others: tuple[Awaitable[None], ...]) -> None:
        for each in others:
            await each
        await self._transport.aclose()

    def _following(self, came: Answer, question: Question) -> str:
        location = came.headers.get("Location")
        told = f"HTTP {came.status} from {shown(came.url)}"
        if location is None:
            raise Retryable("the service redirects to nowhere", received=told)
        if question.method != "GET" and came.status not in KEEPING:
            raise Permanent("a redirect would lose the request", received=f"{told} to {location}", valid="307 or 308")
        return self._hosts.next(came.url, location)

    async def _hop(self, url: str, question: Question) -> Answer:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._asked(url, question)
        except TimeoutError:
            limit = f"{self._seconds:g} s"
            raise Retryable("no complete answer within the time limit", received=shown(url), valid=limit) from None
        except (httpx.TransportError, OSError) as error:
            raise await self._away(error, url) from None

    async def _away(self, error: Exception, url: str) -> Retryable:
        """A server that does not take our certificate may cut the connection before it can be heard why."""
        alert = None if isinstance(error, httpx.ConnectError) else await self._transport.alert(httpx.URL(url))
        for each in (error, alert):
            if each is not None and (told := untrusted(each, shown(url))):
                return told
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        return Retryable("the service cannot be reached", received=f"{shown(url)}: {what}")

    async def _asked(self, url: str, question: Question) -> Answer:
        request = httpx.Request(question.method, url, headers=dict(question.headers), content=question.content)
        if self._hosts.own(request.url):
            await self._dress(request)
        answer = await self._transport.handle_async_request(request)
        try:
            return Answer(url, answer.status_code, answer.headers, await answer.aread())
        finally:
            await answer.aclose()
