"""One service over HTTP: asks for an address, patiently and within the limits, and hands on what came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version

import httpx
import structlog

from runtime.errors import Permanent, Retryable, TidelakeError
from streaming.sources.rest.credentials import credentials
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.hosts import Hosts, shown
from streaming.sources.rest.patience import Pace, Patience, Sleep, later, retry_after
from streaming.sources.rest.secrets import Secrets
from streaming.sources.rest.transport import Guarded

REDIRECTS = frozenset({301, 302, 303, 307, 308})
AWAY = frozenset({408, 421, 425, 429})
"""Statuses below 500 after which the same request can succeed."""

LARGEST_SHOWN = 2**20
"""A larger body is not shown, not even in part: secrets are taken out of whole texts only."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a service answered.

    Attributes:
        url: that answered in the end, without credentials.
        status: 200, 204, 304, 404, 410 or 416.
        headers: of the answer.
        body: decompressed.
    """

    url: str
    status: int
    headers: httpx.Headers
    body: bytes


class Service:
    """The service of one definition. Not to be shared by threads.

    Args:
        source: the definition.
        sleep: waits that many seconds.

    Raises:
        Permanent: a secret cannot be had.
    """

    def __init__(self, source: RestSource, sleep: Sleep = time.sleep) -> None:
        self._source, self._limits = source, source.limits
        self.hosts, self.secrets = Hosts(source), Secrets()
        self._patience = Patience(source.name, self._limits, sleep)
        self._pace = Pace(self._limits.requests_per_second, sleep)
        for_tokens = Guarded(lambda url: self.hosts.check(url, token=True), self._limits.answer_bytes)
        self._credentials = credentials(source.auth, self.secrets, for_tokens)
        # An event loop, as only it can put one time limit on a whole request, headers and token included.
        self._loop = asyncio.Runner()
        # No client around it: redirects, cookies and credentials out of addresses are not left to a library's defaults.
        self._transport = Guarded(self.hosts.check, self._limits.answer_bytes)
        self._headers = {"User-Agent": f"tidelake/{version('tidelake')}", "Accept": ", ".join(source.content_types)}

    def get(self, url: str, headers: Mapping[str, str] | None = None, accept: frozenset[int] = frozenset()) -> Fetched:
        """The answer to a GET.

        Args:
            url: absolute; one that the definition allows.
            headers: more headers, such as those of a conditional request.
            accept: statuses besides 200, 204 and 304 that are an answer.

        Raises:
            Retryable: the service is away, or cannot answer now.
            Permanent: the service refuses the request, or names an address that is not allowed.
        """
        try:
            return self._patience(lambda: self._once(url, headers or {}, accept))
        except TidelakeError as error:
            # Without its cause, whose text may hold what is hidden.
            raise self.secrets.without(error) from None

    def close(self) -> None:
        """Closes every connection."""
        self._loop.run(self._aclose())
        self._loop.close()

    async def _aclose(self) -> None:
        await self._transport.aclose()
        await self._credentials.aclose()

    def _once(self, url: str, headers: Mapping[str, str], accept: frozenset[int]) -> Fetched:
        try:
            came = self._redirected(url, headers)
            if came.status == HTTPStatus.UNAUTHORIZED and self._credentials.renewable():
                came = self._redirected(url, headers)
            return _judged(came, accept)
        except TidelakeError as error:
            # What is logged before the next attempt is this error.
            raise self.secrets.without(error) from None

    def _redirected(self, url: str, headers: Mapping[str, str]) -> Fetched:
        asked = url
        for _ in range(self._limits.redirects + 1):
            self._pace.wait()
            came = self._loop.run(self._hop(asked, headers))
            if came.status not in REDIRECTS:
                return came
            if "Location" not in came.headers:
                raise Retryable("the service redirects to nowhere", received=f"HTTP {came.status} from {shown(asked)}")
            asked = self.hosts.next(came.url, came.headers["Location"])
            log.debug("redirected", source=self._source.name, to=shown(asked))
        raise Permanent("too many redirects", received=shown(asked), valid=f"at most {self._limits.redirects}")

    async def _hop(self, url: str, headers: Mapping[str, str]) -> Fetched:
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                return await self._asked(url, headers)
        except TimeoutError:
            limit = f"{self._limits.request_seconds:g} s"
            raise Retryable("no complete answer within the time limit", received=shown(url), valid=limit) from None
        except httpx.TransportError as error:
            told = f"{type(error).__name__}: {error}".rstrip(": ")
            raise Retryable("the service cannot be reached", received=f"{shown(url)}: {told}") from None

    async def _asked(self, url: str, headers: Mapping[str, str]) -> Fetched:
        request = httpx.Request("GET", url, headers={**self._headers, **headers})
        if self.hosts.own(request.url):
            request.headers.update(self._source.headers)
            await self._credentials.put_on(request)
        answer = await self._transport.handle_async_request(request)
        try:
            return Fetched(url, answer.status_code, answer.headers, await answer.aread())
        finally:
            await answer.aclose()


def _judged(came: Fetched, accept: frozenset[int]) -> Fetched:
    """The answer, if it is one."""
    if came.status in (200, 204, 304) or came.status in accept:
        return came
    told = f"HTTP {came.status} from {shown(came.url)}: {_text(came.body)}".rstrip(": ")
    if came.status in AWAY or came.status >= 500:
        raise later("the service cannot answer now", retry_after(came.headers, datetime.now(UTC)), received=told)
    todo = "check auth in the definition, and the secret" if came.status in (401, 403) else "check the definition"
    raise Permanent("the service refuses the request", received=told, todo=todo)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace") if len(body) <= LARGEST_SHOWN else f"{len(body)} bytes"
