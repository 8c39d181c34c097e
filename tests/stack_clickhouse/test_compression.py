"""Bodies come and go in every encoding that clickhouse-connect knows, several frames in a row and cut anywhere."""

from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
from backports import zstd

from stack.clickhouse.compression import chosen, compressor, decompressed
from stack.clickhouse.errors import ClickHouseError

pytestmark = pytest.mark.servers

TEXT = b"tide" * 10_000
PACKED = {
    "lz4": lz4.frame.compress(TEXT),
    "zstd": zstd.compress(TEXT),
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
}


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("size", [7, 100_000])
def test_two_frames_in_pieces(encoding: str, size: int) -> None:
    packed = PACKED[encoding] * 2
    pieces = (packed[at : at + size] for at in range(0, len(packed), size))
    assert b"".join(decompressed(pieces, encoding)) == TEXT * 2


@pytest.mark.parametrize("encoding", PACKED)
def test_there_and_back(encoding: str) -> None:
    packer = compressor(encoding)
    packed = [packer.compress(TEXT), packer.compress(b""), packer.compress(TEXT), packer.flush()]
    assert b"".join(decompressed(packed, encoding)) == TEXT * 2


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("body", [b"this is not compressed", PACKED["gzip"][:-9]])
def test_damaged(encoding: str, body: bytes) -> None:
    with pytest.raises(ClickHouseError) as raised:
        list(decompressed([body], encoding))
    assert (raised.value.code, raised.value.status) == (271, 400)


def test_unknown() -> None:
    with pytest.raises(ClickHouseError, match="Valid: lz4, zstd, gzip, deflate") as raised:
        decompressed([], "br")
    assert raised.value.status == 501


def test_choice() -> None:
    assert chosen("gzip, deflate, zstd;q=0.8, lz4;q=0") == "zstd"
    assert chosen("") is None
