"""One service over HTTP: asks for an address, patiently and within the limits, and hands on what came."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version

import httpx

from runtime.errors import Permanent, TidelakeError
from streaming.sources.rest.credentials import credentials
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.parts import ApiKey
from streaming.sources.rest.patience import Pace, Patience, Sleep
from streaming.sources.rest.secrets import Secrets
from streaming.sources.web.caller import Answer, Caller, Question
from streaming.sources.web.hosts import Hosts, shown
from streaming.sources.web.later import later, retry_after
from streaming.sources.web.transport import Guarded

AWAY = frozenset({408, 421, 425, 429})
"""Statuses below 500 after which the same request can succeed."""

LARGEST_SHOWN = 2**20
"""A larger body is not shown, not even in part: secrets are taken out of whole texts only."""


class Service:
    """The service of one definition. Not to be shared by threads.

    Args:
        source: the definition.
        sleep: waits that many seconds.

    Raises:
        Permanent: a secret cannot be had.
    """

    def __init__(self, source: RestSource, sleep: Sleep = time.sleep) -> None:
        self._source, limits = source, source.limits
        self.hosts, self.secrets = hosts(source), Secrets()
        self._patience = Patience(source.name, limits, sleep)
        self._credentials = credentials(source.auth, self.secrets, self._for_tokens())
        self._caller = Caller(
            self.hosts,
            source.tls,
            most_bytes=limits.answer_bytes,
            seconds=limits.request_seconds,
            redirects=limits.redirects,
            dress=self._dress,
            before=Pace(limits.requests_per_second, sleep).wait,
        )
        self._headers = {"User-Agent": f"tidelake/{version('tidelake')}", "Accept": ", ".join(source.content_types)}

    def get(self, url: str, headers: Mapping[str, str] | None = None, accept: frozenset[int] = frozenset()) -> Answer:
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
        self._caller.close(self._credentials.aclose())

    def _for_tokens(self) -> Guarded:
        """How the token endpoint is reached: it is one of the definition's own addresses, and redirects nowhere."""
        tls, most = self._source.tls, self._source.limits.answer_bytes
        return Guarded(lambda url: self.hosts.check(url, token=True), lambda _: True, most, tls)

    async def _dress(self, request: httpx.Request) -> None:
        request.headers.update(self._source.headers)
        await self._credentials.put_on(request)

    def _once(self, url: str, headers: Mapping[str, str], accept: frozenset[int]) -> Answer:
        question = Question("GET", {**self._headers, **headers})
        try:
            came = self._caller.ask(url, question)
            if came.status == HTTPStatus.UNAUTHORIZED and self._credentials.renewable():
                came = self._caller.ask(url, question)
            return _judged(came, accept)
        except TidelakeError as error:
            # What is logged before the next attempt is this error.
            raise self.secrets.without(error) from None


def _judged(came: Answer, accept: frozenset[int]) -> Answer:
    """The answer, if it is one."""
    if came.status in (200, 204, 304) or came.status in accept:
        return came
    told = f"HTTP {came.status} from {shown(came.url)}: {_text(came.body)}".rstrip(": ")
    if came.status in AWAY or came.status >= 500:
        raise later("the service cannot answer now", retry_after(came.headers, datetime.now(UTC)), received=told)
    todo = "check auth in the definition, and the secret" if came.status in (401, 403) else "check the definition"
    raise Permanent("the service refuses the request", received=told, todo=todo)


def hosts(source: RestSource) -> Hosts:
    """The hosts of a definition."""
    hidden = source.auth.query if isinstance(source.auth, ApiKey) else None
    return Hosts([str(source.url)], source.hosts, source.token_host, hidden)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace") if len(body) <= LARGEST_SHOWN else f"{len(body)} bytes"
