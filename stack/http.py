"""The one HTTP client of the supervisor's probes: servers on this machine, so without proxies and without TLS."""

from __future__ import annotations

from functools import cache
from typing import Any

import httpx

from runtime.errors import Retryable

SECONDS = 5.0


@cache
def _client() -> httpx.Client:
    """Made once: a client costs more than the requests that probes make."""
    return httpx.Client(timeout=SECONDS, trust_env=False, verify=False)  # noqa: S501 - there is no TLS to verify


def call(method: str, url: str, *, json: object = None, seconds: float = SECONDS) -> httpx.Response:
    """One request.

    Args:
        method: of HTTP.
        url: of the server.
        json: the body, if any.
        seconds: longest wait for the answer.

    Raises:
        Retryable: the server did not answer.
    """
    try:
        return _client().request(method, url, json=json, timeout=seconds)
    except httpx.TransportError as error:
        raise Retryable("the server does not answer", received=f"{url}: {error}") from error


def get_json(url: str) -> Any:
    """The JSON of a successful answer.

    Raises:
        Retryable: the server did not answer, or answered with an error.
    """
    return check(call("GET", url)).json()


def check(answer: httpx.Response) -> httpx.Response:
    """The answer itself if it tells of success.

    Raises:
        Retryable: it does not; the message holds its beginning.
    """
    if answer.is_error:
        what = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}"
        raise Retryable("the server answered with an error", received=what)
    return answer
