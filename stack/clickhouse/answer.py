"""Answers: status, headers and body as ClickHouse sends them, with as little in memory as the query allows."""

from __future__ import annotations

import secrets
import string
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import IO

import orjson
import structlog
from waitress.channel import ClientDisconnected

from stack.clickhouse.blocks import BLOCKS
from stack.clickhouse.compression import Compressor, compressor
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.execute import Outcome, Summary
from stack.clickhouse.request import PIECE, Query

log = structlog.get_logger()

StartResponse = Callable[[str, list[tuple[str, str]]], object]

_SPOOL = 32 << 20
# Below this size compression costs more than it saves.
_SMALL = 1024
_CONTENT_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnames": "text/tab-separated-values; charset=UTF-8",
    "tabseparatedwithnamesandtypes": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "csvwithnamesandtypes": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsonstrings": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "jsoncompacteachrow": "application/x-ndjson; charset=UTF-8",
    "xml": "application/xml; charset=UTF-8",
    "markdown": "text/markdown; charset=UTF-8",
    "arrow": "application/vnd.apache.arrow.file",
    "arrowstream": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
}


class Body:
    """A WSGI body that ends the query when the server is done with it, for whatever reason."""

    def __init__(self, pieces: Iterable[bytes], end: Callable[[], None]) -> None:
        self._pieces, self.close = pieces, end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def send(outcome: Outcome, query: Query, start: StartResponse, life: ExitStack, version: str) -> Iterable[bytes]:
    """Begin the answer to a query that has started without an error.

    Small answers are sent whole. Larger ones are sent as they come, unless the caller wants to know first
    that the query succeeded: then they are kept until its end, beyond 32 MB in a file.

    Args:
        life: what ends with the answer.
    """
    first, ended = _first(outcome.pieces)
    # Whoever asked for blocks reads nothing else, and no header would tell the difference.
    encoding = query.encoding if not ended or len(first) >= _SMALL or query.encoding == BLOCKS else None
    if ended:
        body = _packed(first, encoding)
        start("200 OK", [*_headers(outcome, query, encoding), ("Content-Length", str(len(body)))])
        life.close()
        return [body]
    pieces = _chain(first, outcome.pieces)
    packer = compressor(encoding) if encoding else None
    if query.whole:
        file = life.enter_context(_spooled(_compressed(pieces, packer)))
        start("200 OK", [*_headers(outcome, query, encoding), ("Content-Length", str(_size(file)))])
        return Body(iter(lambda: file.read(PIECE), b""), life.close)
    tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
    start("200 OK", [*_headers(outcome, query, encoding), ("X-ClickHouse-Exception-Tag", tag)])
    return Body(_until_error(pieces, packer, tag, version), life.close)


def send_error(error: ClickHouseError, query_id: str, start: StartResponse, version: str) -> list[bytes]:
    """Answer with an error."""
    body = error.body(version).encode("utf-8", "replace")
    headers = [
        ("Content-Type", "text/plain; charset=UTF-8"),
        ("X-ClickHouse-Exception-Code", str(error.code)),
        ("X-ClickHouse-Query-Id", _printable(query_id)),
        *_SERVER,
        ("Content-Length", str(len(body))),
    ]
    start(f"{error.status} {HTTPStatus(error.status).phrase}", headers)
    return [body]


_SERVER = [("X-ClickHouse-Server-Display-Name", "tidelake"), ("X-ClickHouse-Timezone", "UTC")]


def _headers(outcome: Outcome, query: Query, encoding: str | None) -> list[tuple[str, str]]:
    zone = query.settings.get("session_timezone") or "UTC"
    headers = [
        ("Content-Type", _CONTENT_TYPES.get((outcome.format or "").lower(), "text/plain; charset=UTF-8")),
        ("X-ClickHouse-Query-Id", _printable(query.id)),
        ("X-ClickHouse-Server-Display-Name", "tidelake"),
        ("X-ClickHouse-Timezone", _printable(zone)),
        ("X-ClickHouse-Summary", _summary(outcome.summary)),
    ]
    if outcome.format:
        headers.append(("X-ClickHouse-Format", _printable(outcome.format)))
    if encoding and encoding != BLOCKS:
        headers.append(("Content-Encoding", encoding))
    return headers


def _summary(summary: Summary) -> str:
    names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows", "result_bytes", "elapsed_ns")
    counts = {name: str(getattr(summary, name)) for name in names}
    return orjson.dumps({**counts, "total_rows_to_read": "0"}).decode()


def _printable(text: str) -> str:
    """Text that can stand in a header: no line end, only Latin-1."""
    return (
        "".join(letter if letter.isprintable() else "?" for letter in text)
        .encode("latin-1", "replace")
        .decode("latin-1")
    )


def _first(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first pieces, up to about a megabyte, and whether they are all."""
    gathered, size = [], 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= PIECE:
            return b"".join(gathered), False
    return gathered[0] if len(gathered) == 1 else b"".join(gathered), True


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _packed(body: bytes, encoding: str | None) -> bytes:
    if encoding is None:
        return body
    packer = compressor(encoding)
    return packer.compress(body) + packer.flush()


def _compressed(pieces: Iterator[bytes], packer: Compressor | None) -> Iterator[bytes]:
    if packer is None:
        yield from pieces
        return
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _spooled(pieces: Iterator[bytes]) -> tempfile.SpooledTemporaryFile[bytes]:
    file: tempfile.SpooledTemporaryFile[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115, it is the answer's to close
    file.writelines(pieces)
    return file


def _size(file: IO[bytes]) -> int:
    size = file.tell()
    file.seek(0)
    return size


def _until_error(pieces: Iterator[bytes], packer: Compressor | None, tag: str, version: str) -> Iterator[bytes]:
    """The pieces; an error on the way is written after them, as ClickHouse does, and the answer breaks off."""
    try:
        yield from _compressed(pieces, packer)
    except ClickHouseError as raised:
        message = raised.body(version).rstrip("\n")
        size = len(message.encode())
        block = f"\r\n__exception__\r\n{tag}\r\n{message}\n{size} {tag}\r\n__exception__\r\n".encode()
        yield packer.compress(block) + packer.flush() if packer else block
        log.warning("query failed within its answer", code=raised.code, error=raised.name, text=raised.text[:500])
        # Upon this one waitress closes the connection without a last chunk: the caller sees that the answer broke off.
        raise ClientDisconnected(message) from raised
