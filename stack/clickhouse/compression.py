"""Compression of request and response bodies, a piece at a time, so that memory stays bounded."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, cast

from stack.clickhouse.blocks import BLOCKS, BlockReader, BlockWriter
from stack.clickhouse.errors import ClickHouseError

PREFERENCE = ("lz4", "zstd", "gzip", "deflate")
_ZLIB = zlib.MAX_WBITS
_GZIP = zlib.MAX_WBITS | 16


class Compressor(Protocol):
    """Compresses a stream; `flush` ends it."""

    def compress(self, data: bytes) -> bytes:
        """What can be sent after this piece."""

    def flush(self) -> bytes:
        """The rest of the stream."""


class Decompressor(Protocol):
    """Decompresses one frame or member of a stream."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes) -> bytes:
        """What can be read after this piece."""


class _Lz4:
    """An lz4 frame behind the two methods that zlib's compressors have."""

    def __init__(self) -> None:
        self._frame = importlib.import_module("lz4.frame").LZ4FrameCompressor(auto_flush=True)
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        begin = b"" if self._begun else cast("bytes", self._frame.begin())
        self._begun = True
        return begin + cast("bytes", self._frame.compress(data))

    def flush(self) -> bytes:
        return self.compress(b"") + cast("bytes", self._frame.flush())


def _zstd() -> Compressor:
    return cast("Compressor", importlib.import_module("backports.zstd").ZstdCompressor(level=1))


_COMPRESSORS: dict[str, Callable[[], Compressor]] = {
    BLOCKS: BlockWriter,
    "lz4": _Lz4,
    "zstd": _zstd,
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, _GZIP),
    "deflate": lambda: zlib.compressobj(1, zlib.DEFLATED, _ZLIB),
}

_DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    BLOCKS: BlockReader,
    "lz4": lambda: cast("Decompressor", importlib.import_module("lz4.frame").LZ4FrameDecompressor()),
    "zstd": lambda: cast("Decompressor", importlib.import_module("backports.zstd").ZstdDecompressor()),
    "gzip": lambda: cast("Decompressor", zlib.decompressobj(_GZIP)),
    "deflate": lambda: cast("Decompressor", zlib.decompressobj(_ZLIB)),
}


def chosen(accepted: str) -> str | None:
    """The encoding to answer in, of those that an Accept-Encoding header allows.

    >>> chosen("gzip, zstd;q=0.5, br"), chosen("br"), chosen("lz4;q=0, deflate")
    ('zstd', None, 'deflate')
    """
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",") if not _forbidden(part)}
    return next((name for name in PREFERENCE if name in names), None)


def _forbidden(part: str) -> bool:
    quality = part.partition(";q=")[2].strip()
    return bool(quality) and not quality.strip("0.")


def compressor(encoding: str) -> Compressor:
    """A new compressor of one of `PREFERENCE`, or of `BLOCKS`."""
    return _COMPRESSORS[encoding]()


def decompressed(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A request's body as it was before its Content-Encoding, a piece at a time.

    Several frames one after another, as clickhouse-connect sends them, are one body.

    Raises:
        ClickHouseError: the encoding is not served, or the body is not in it.
    """
    if not encoding or encoding == "identity":
        return iter(pieces)
    if encoding not in _DECOMPRESSORS:
        raise ClickHouseError(
            "NOT_IMPLEMENTED", f"Unknown compression method '{encoding}'. Valid: {', '.join(PREFERENCE)}, identity"
        )
    return _frames(pieces, encoding)


def _frames(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    frame: Decompressor | None = None
    for piece in pieces:
        rest = piece
        while rest:
            frame = frame or _DECOMPRESSORS[encoding]()
            yield _decoded(frame, rest, encoding)
            rest = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise ClickHouseError("CANNOT_DECOMPRESS", f"The body ends within its {encoding} data", status=400)


def _decoded(frame: Decompressor, piece: bytes, encoding: str) -> bytes:
    try:
        return frame.decompress(piece)
    except Exception as error:  # each library has an error class of its own, and zstd's has no base but Exception
        raise ClickHouseError("CANNOT_DECOMPRESS", f"The body is not valid {encoding}: {error}", status=400) from error
