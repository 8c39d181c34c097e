"""How bytes are fetched: only from allowed hosts, and never more of them than the limit, compressed or not."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing

import httpx

from runtime.errors import Permanent, Retryable
from streaming.sources.web.inflate import Inflater
from streaming.sources.web.tls import Tls

ALERT_SECONDS = 2.0
ENCODINGS = "gzip, deflate"
_PLAIN, _PACKED = ("", "identity"), ("gzip", "x-gzip", "deflate")
_TAKEN_OFF = ("content-encoding", "content-length")


class Guarded(httpx.AsyncBaseTransport):
    """Checks each request's address, and hands answers on decompressed and limited.

    Args:
        check: raises where an address is not allowed.
        own: whether an address is one that our own certificate is shown to.
        most_bytes: largest answer, compressed or not.
        tls: whom it trusts.

    Raises:
        Permanent: a certificate cannot be read.
    """

    def __init__(
        self, check: Callable[[httpx.URL], None], own: Callable[[httpx.URL], bool], most_bytes: int, tls: Tls
    ) -> None:
        self._check, self._is_own, self._most, self._tls = check, own, most_bytes, tls
        self._made: dict[ssl.SSLContext, httpx.AsyncHTTPTransport] = {}
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        if tls.ca or tls.certificate:
            self._context("https", shown=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request and its answer, without redirects."""
        self._check(request.url)
        request.headers["Accept-Encoding"] = ENCODINGS
        answer = await self._through(request.url).handle_async_request(request)
        try:
            return self._limited(answer)
        except Permanent:
            await answer.aclose()
            raise

    async def aclose(self) -> None:
        """Closes the connections."""
        for each in self._made.values():
            await each.aclose()

    async def alert(self, url: httpx.URL) -> ssl.SSLError | None:
        """What a server says behind a handshake to one that asks for nothing; None where it says nothing."""
        if url.scheme != "https":
            return None
        context = self._context(url.scheme, shown=self._is_own(url))
        try:
            async with asyncio.timeout(ALERT_SECONDS):
                reader, writer = await asyncio.open_connection(url.host, url.port or 443, ssl=context)
                with closing(writer):
                    await reader.read(1)
        except ssl.SSLError as error:
            return error
        except (OSError, TimeoutError):
            return None
        return None

    def _through(self, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        context = self._context(url.scheme, shown=self._is_own(url))
        if context not in self._made:
            self._made[context] = httpx.AsyncHTTPTransport(verify=context, limits=httpx.Limits(max_connections=1))
        return self._made[context]

    def _context(self, scheme: str, *, shown: bool) -> ssl.SSLContext:
        """Authorities are read only where they are needed, as they are many."""
        key = scheme, shown and self._tls.certificate is not None
        if key not in self._contexts:
            trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._contexts[key] = self._tls.context(shown=key[1]) if scheme == "https" else trusting_nobody
        return self._contexts[key]

    def _limited(self, answer: httpx.Response) -> httpx.Response:
        headers = answer.headers
        self._check_length(headers.get("Content-Length", ""))
        inflater = _inflater(headers.get("Content-Encoding", ""))
        kept = [(name, value) for name, value in headers.multi_items() if name.lower() not in _TAKEN_OFF]
        stream = _Limited(answer.stream, self._most, inflater)  # type: ignore[arg-type]
        return httpx.Response(answer.status_code, headers=kept, stream=stream, extensions=answer.extensions)

    def _check_length(self, told: str) -> None:
        if told.isdecimal() and int(told) > self._most:
            raise too_large(self._most, f"an answer of {int(told)} bytes")


class _Limited(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, most: int, inflater: Inflater | None) -> None:
        self._inner, self._most, self._inflater = inner, most, inflater

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raw = plain = 0
        async for chunk in self._inner:
            raw += len(chunk)
            for piece in self._pieces(chunk):
                plain += len(piece)
                if max(raw, plain) > self._most:
                    raise too_large(self._most, f"more than {self._most} bytes")
                yield piece
        self._end()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            yield chunk
            return
        try:
            yield from self._inflater.pieces(chunk)
        except zlib.error as error:
            raise Retryable("the answer is not what its Content-Encoding says", received=str(error)) from error

    def _end(self) -> None:
        try:
            if self._inflater is not None:
                self._inflater.end()
        except zlib.error as error:
            raise Retryable("the compressed answer breaks off", received=str(error)) from error


def _inflater(encoding: str) -> Inflater | None:
    told = encoding.strip().lower()
    if told in _PLAIN:
        return None
    if told in _PACKED:
        return Inflater()
    raise Permanent("the answer is compressed in a way that was not asked for", received=encoding, valid=ENCODINGS)


def too_large(most: int, received: str) -> Permanent:
    """The error of an answer over the limit."""
    return Permanent(
        "the answer is larger than allowed",
        received=received,
        valid=f"at most {most} bytes",
        todo="ask for less at a time, or raise the limit under `limits`",
    )
