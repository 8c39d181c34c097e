"""ClickHouse's own block compression, in both directions; that it is ClickHouse's, its JDBC driver says elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from backports import zstd
from clickhouse_cityhash.cityhash import CityHash128

from stack.clickhouse.blocks import BIGGEST, BLOCKS, BlockWriter
from stack.clickhouse.compression import compressor, decompressed
from stack.clickhouse.errors import ClickHouseError
from tests.stack_clickhouse.gateway import Gateway

TEXT = bytes(range(256)) * 9000


def written(data: bytes) -> bytes:
    writer = compressor(BLOCKS)
    return writer.compress(data) + writer.flush()


def read(packed: bytes, piece: int) -> bytes:
    return b"".join(decompressed((packed[at : at + piece] for at in range(0, len(packed), piece)), BLOCKS))


def block(method: int, packed: bytes, unpacked: int) -> bytes:
    checked = struct.pack("<BII", method, 9 + len(packed), unpacked) + packed
    value = CityHash128(checked)
    return struct.pack("<QQ", value >> 64, value & (1 << 64) - 1) + checked


@pytest.mark.parametrize("piece", [1, 1000, 1 << 20])
def test_what_is_written_is_read_however_it_is_cut(piece: int) -> None:
    text = TEXT[:5000] if piece == 1 else TEXT
    assert read(written(text), piece) == text


def test_a_large_text_is_several_blocks_and_an_empty_one_is_none() -> None:
    first = struct.unpack_from("<BII", written(TEXT), 16)
    assert (first[0], first[2]) == (0x82, 1 << 20)
    assert written(b"") == b""


@pytest.mark.parametrize(("method", "pack"), [(0x90, zstd.compress), (0x02, bytes)])
def test_blocks_of_other_methods_are_read(method: int, pack: Callable[[bytes], bytes]) -> None:
    assert read(block(method, pack(TEXT), len(TEXT)) + written(b"end"), 700) == TEXT + b"end"


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"\0" + written(b"text")[1:], "checksum"),
        (written(b"text")[:-1], "ends within"),
        (block(0x02, b"text", 5), "has 4 bytes where its header says 5"),
        (block(0x90, zstd.compress(b"text"), 3), "has 4 bytes where its header says 3"),
        (block(0x77, b"text", 4), "0x77"),
        (block(0x02, b"text", BIGGEST + 1), "at most"),
        (bytes(16) + struct.pack("<BII", 0x82, 3, 1), "at most"),
    ],
)
def test_unsound_blocks_are_refused(packed: bytes, reason: str) -> None:
    with pytest.raises(ClickHouseError, match=reason) as raised:
        read(packed, 10)
    assert raised.value.name == "CANNOT_DECOMPRESS"


@pytest.mark.parametrize("rows", [0, 1, 200_000])
@pytest.mark.parametrize("whole", [0, 1])
def test_answers_in_blocks(gateway: Gateway, rows: int, whole: int) -> None:
    sql = f"SELECT number FROM numbers({rows})"
    answer = gateway.post(
        sql, {"Accept-Encoding": "gzip"}, compress=1, enable_http_compression=1, wait_end_of_query=whole
    )
    assert "Content-Encoding" not in answer.headers
    assert read(answer.content, 1 << 16) == gateway.post(sql).content


def test_an_insert_in_blocks(gateway: Gateway, table: str) -> None:
    body = BlockWriter().compress("".join(f"{n},x,1\n" for n in range(200_000)).encode())
    query = f"INSERT INTO {table} (a, b, d) FORMAT CSV"
    assert gateway.post(body, query=query, decompress=1).status_code == 200
    assert gateway.post(f"SELECT count(), sum(a) FROM {table}").text == f"200000\t{199_999 * 100_000}\n"
    cut = gateway.post(body[:-1], query=query, decompress=1)
    assert cut.headers["X-ClickHouse-Exception-Code"] == "271"
