"""How bytes are fetched: only from allowed hosts, and never more of them than the limit, compressed or not."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from runtime.errors import Permanent, Retryable

PIECE = 64 * 1024
"""Most bytes that are decompressed at a time."""

ENCODINGS = "gzip, deflate"
_PLAIN, _PACKED = ("", "identity"), ("gzip", "x-gzip", "deflate")


class Guarded(httpx.AsyncBaseTransport):
    """Checks each request's address, and hands answers on decompressed and limited.

    Args:
        check: raises where an address is not allowed.
        most_bytes: largest answer, compressed or not.
    """

    def __init__(self, check: Callable[[httpx.URL], None], most_bytes: int) -> None:
        self._check, self._most = check, most_bytes
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request and its answer, without redirects."""
        self._check(request.url)
        request.headers["Accept-Encoding"] = ENCODINGS
        answer = await self._inner.handle_async_request(request)
        try:
            return self._limited(answer)
        except Permanent:
            await answer.aclose()
            raise

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._inner.aclose()

    def _limited(self, answer: httpx.Response) -> httpx.Response:
        headers = answer.headers
        self._check_length(headers.get("Content-Length", ""))
        decoder = _decoder(headers.get("Content-Encoding", ""))
        kept = [(name, value) for name, value in headers.multi_items() if name.lower() not in _TAKEN_OFF]
        stream = _Limited(answer.stream, self._most, decoder)  # type: ignore[arg-type]
        return httpx.Response(answer.status_code, headers=kept, stream=stream, extensions=answer.extensions)

    def _check_length(self, told: str) -> None:
        if told.isdecimal() and int(told) > self._most:
            raise too_large(self._most, f"an answer of {int(told)} bytes")


_TAKEN_OFF = ("content-encoding", "content-length")


class _Limited(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, most: int, decoder: zlib._Decompress | None) -> None:
        self._inner, self._most, self._decoder = inner, most, decoder

    async def __aiter__(self) -> AsyncIterator[bytes]:
        raw = plain = 0
        async for chunk in self._inner:
            raw += len(chunk)
            for piece in _pieces(self._decoder, chunk):
                plain += len(piece)
                if max(raw, plain) > self._most:
                    raise too_large(self._most, f"more than {self._most} bytes")
                yield piece
        if self._decoder is not None and raw and not self._decoder.eof:
            raise Retryable("the compressed answer ends in its middle")

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pieces(decoder: zlib._Decompress | None, chunk: bytes) -> Iterator[bytes]:
    """What a chunk holds, a small piece at a time: a bomb is noticed before it is inflated."""
    if decoder is None:
        yield chunk
        return
    piece = chunk
    while piece:
        try:
            piece = decoder.decompress(chunk, PIECE)
        except zlib.error as error:
            raise Retryable("the answer is not what its Content-Encoding says", received=str(error)) from error
        if decoder.unused_data:
            raise Retryable("something stands behind the end of the compressed answer")
        chunk = decoder.unconsumed_tail
        yield piece


def _decoder(encoding: str) -> zlib._Decompress | None:
    told = encoding.strip().lower()
    if told in _PLAIN:
        return None
    if told in _PACKED:
        return zlib.decompressobj(wbits=47)
    raise Permanent("the answer is compressed in a way that was not asked for", received=encoding, valid=ENCODINGS)


def too_large(most: int, received: str) -> Permanent:
    """The error of an answer over the limit."""
    return Permanent(
        "the answer is larger than allowed",
        received=received,
        valid=f"at most {most} bytes",
        todo="ask for smaller pages, or raise limits.answer_bytes",
    )
