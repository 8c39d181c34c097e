"""ClickHouse's own block compression, which JDBC and native clients ask for with `compress=1` and `decompress=1`.

A stream of blocks, each of a checksum, a header and data, as ClickHouse's `CompressedWriteBuffer` writes them:
CityHash128 of all that follows (16 bytes), the method (1), the size of header and data (4), the size before (4), data.
"""

from __future__ import annotations

import importlib
import struct
from typing import cast

BLOCKS = "clickhouse blocks"
"""Stands where the name of a Content-Encoding may stand; no header names it."""

BLOCK = 1 << 20
"""Bytes that a block which we write unpacks to, at most."""

BIGGEST = 64 << 20
"""Bytes that a block which we read may have or unpack to: a header that claims more is not believed."""

_CHECKSUM, _HEADER = 16, struct.Struct("<BII")
_LZ4, _ZSTD, _NONE = 0x82, 0x90, 0x02


class BlockWriter:
    """Writes LZ4 blocks."""

    def compress(self, data: bytes) -> bytes:
        """The blocks of these bytes."""
        return b"".join(_block(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK))

    def flush(self) -> bytes:
        """Nothing: a block waits for no other."""
        return b""


class BlockReader:
    """Reads one block at a time; `decompress` gives its bytes as soon as all of it has come.

    Attributes:
        eof: the block is complete.
        unused_data: what came after it.
    """

    def __init__(self) -> None:
        self.eof, self.unused_data = False, b""
        self._come = bytearray()

    def decompress(self, data: bytes) -> bytes:
        """The block's bytes, or none until it is complete. Raises ValueError if it is not a sound block."""
        self._come += data
        begin = _CHECKSUM + _HEADER.size
        if len(self._come) < begin:
            return b""
        method, size, unpacked = _HEADER.unpack_from(self._come, _CHECKSUM)
        if not _HEADER.size <= size <= BIGGEST or unpacked > BIGGEST:
            raise ValueError(f"a block of {size} bytes for {unpacked}; at most {BIGGEST} are valid")
        end = _CHECKSUM + size
        if len(self._come) < end:
            return b""
        self.eof, self.unused_data = True, bytes(self._come[end:])
        checked = bytes(self._come[_CHECKSUM:end])
        if _checksum(checked) != self._come[:_CHECKSUM]:
            raise ValueError("the checksum of a block does not match its bytes")
        return _unpacked(method, checked[_HEADER.size :], unpacked)


def _block(data: bytes) -> bytes:
    packed = cast("bytes", importlib.import_module("lz4.block").compress(data, store_size=False))
    checked = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return _checksum(checked) + checked


def _unpacked(method: int, packed: bytes, size: int) -> bytes:
    if method == _LZ4:
        found = importlib.import_module("lz4.block").decompress(packed, uncompressed_size=size)
    elif method == _ZSTD:
        found = importlib.import_module("backports.zstd").ZstdDecompressor().decompress(packed, max_length=size + 1)
    elif method == _NONE:
        found = packed
    else:
        raise ValueError(f"the method {method:#04x} of a block is not served; valid: LZ4, ZSTD, none")
    if len(found) != size:
        raise ValueError(f"a block has {len(found)} bytes where its header says {size}")
    return cast("bytes", found)


def _checksum(data: bytes) -> bytes:
    """Its two halves in the order that ClickHouse writes them in."""
    value = importlib.import_module("clickhouse_cityhash.cityhash").CityHash128(data)
    return struct.pack("<QQ", value >> 64, value & 0xFFFF_FFFF_FFFF_FFFF)
