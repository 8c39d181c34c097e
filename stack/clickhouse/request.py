"""What a caller asked: the parts of an HTTP request that ClickHouse's interface gives a meaning."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import parse_qsl

from stack.clickhouse.blocks import BLOCKS
from stack.clickhouse.compression import chosen, decompressed
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.form import ExternalTable, read_form

PIECE = 1 << 20
# An INSERT in the body is read up to its data from this many bytes; a compressed body can come in smaller pieces.
_HEAD = 1 << 16
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PARAM_NAME = re.compile(r"[A-Za-z0-9_]+\Z")

_FOR_THE_GATEWAY = """
    query query_id database default_format user password quota_key role session_id session_timeout session_check
    close_session compress decompress stacktrace buffer_size wait_end_of_query client_protocol_version framing
"""
# Settings that only an HTTP server acts on; `log_comment` is where the gateway keeps the query id.
_HTTP_SETTINGS = """
    enable_http_compression http_zlib_compression_level send_progress_in_http_headers add_http_cors_header
    http_headers_progress_interval_ms cancel_http_readonly_queries_on_client_close http_wait_end_of_query
    http_response_buffer_size http_write_exception_in_output_format log_comment
    http_native_compression_disable_checksumming_on_decompress
"""
_RESERVED = frozenset(_FOR_THE_GATEWAY.split()) | frozenset(_HTTP_SETTINGS.split())


@dataclass(frozen=True)
class SessionWish:
    """The session to run in: its id, the seconds it lives unused, whether it has to exist, whether to end it after."""

    id: str
    timeout: int
    must_exist: bool
    close_after: bool


@dataclass(frozen=True)
class Query:
    """A query as it was asked.

    Attributes:
        id: the caller's query id, or a new one.
        sql: the statement's bytes (with the data, if it came in the same piece).
        more: the body's further bytes: the data of an INSERT, else the rest of the statement.
        database: where unqualified names are looked up; None for the account's database.
        default_format: the format of an answer whose statement names none.
        settings: settings of the engine, for this query only.
        params: values of `{name:Type}`, in ClickHouse's escaped text.
        session: the session to run in, or None.
        read_only: the method allows no changes.
        whole: the answer's head may be sent only when the query has ended.
        encoding: the encoding to answer in, or None; `BLOCKS` is one that no header names.
        cancel_on_close: the query is cancelled when the caller hangs up.
        external: tables that exist for this query.
    """

    id: str
    sql: bytes
    more: Iterator[bytes]
    database: str | None
    default_format: str | None
    settings: Mapping[str, str]
    params: Mapping[str, str]
    session: SessionWish | None
    read_only: bool
    whole: bool
    encoding: str | None
    cancel_on_close: bool
    external: tuple[ExternalTable, ...] = ()


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """A WSGI request's headers, names in lower case."""
    named = {key[5:]: value for key, value in environ.items() if key.startswith("HTTP_")}
    named["CONTENT-TYPE"] = environ.get("CONTENT_TYPE", "")
    return {key.replace("_", "-").lower(): value for key, value in named.items()}


def params_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """A request's query parameters; of several with one name the last counts."""
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="surrogateescape"))


def query_of(environ: Mapping[str, Any], headers: Mapping[str, str], params: Mapping[str, str]) -> Query:
    """The query in a request.

    Raises:
        ClickHouseError: the request asks for something that is not served, or contradicts itself.
    """
    _refuse_unserved(params)
    pieces = _body(environ["wsgi.input"], headers, in_blocks=_on(params, "decompress"))
    external: tuple[ExternalTable, ...] = ()
    if headers["content-type"].startswith("multipart/form-data"):
        fields, external = read_form(environ, params)
        params, pieces = {**params, **fields}, iter(())
        params = {name: value for name, value in params.items() if not _describes(name, external)}
    sql, more = _sql_and_more(params.get("query", ""), pieces)
    return Query(
        id=params.get("query_id") or str(uuid.uuid4()),
        sql=sql,
        more=more,
        database=headers.get("x-clickhouse-database") or params.get("database") or None,
        default_format=headers.get("x-clickhouse-format") or params.get("default_format") or None,
        settings=_settings(params),
        params=_bound(params),
        session=_session(params),
        read_only=environ["REQUEST_METHOD"] in ("GET", "HEAD"),
        whole=_on(params, "wait_end_of_query") or _on(params, "http_wait_end_of_query"),
        encoding=_encoding(headers, params),
        cancel_on_close=_on(params, "cancel_http_readonly_queries_on_client_close"),
        external=external,
    )


def _refuse_unserved(params: Mapping[str, str]) -> None:
    if params.get("role"):
        raise ClickHouseError("UNKNOWN_ROLE", f"There is no role `{params['role']}`: roles are not served")


def _body(stream: IO[bytes], headers: Mapping[str, str], *, in_blocks: bool) -> Iterator[bytes]:
    pieces = iter(lambda: stream.read(PIECE), b"")
    encoded = decompressed(pieces, headers.get("content-encoding", "").strip().lower())
    return decompressed(encoded, BLOCKS) if in_blocks else encoded


def _encoding(headers: Mapping[str, str], params: Mapping[str, str]) -> str | None:
    if _on(params, "compress"):
        return BLOCKS
    return chosen(headers.get("accept-encoding", "")) if _on(params, "enable_http_compression") else None


def _sql_and_more(query: str, pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The statement, and what follows it: a query in the URL comes before the body, on a line of its own."""
    stream = (piece for piece in pieces if piece)
    if query:
        return query.encode("utf-8", "surrogateescape") + b"\n", stream
    sql = b""
    while len(sql) < _HEAD and (piece := next(stream, None)):
        sql += piece
    return sql, stream


def _describes(name: str, external: Iterable[ExternalTable]) -> bool:
    return any(name in (f"{table.name}_{what}" for what in ("format", "types", "structure")) for table in external)


def _settings(params: Mapping[str, str]) -> dict[str, str]:
    settings = {
        name: value for name, value in params.items() if name not in _RESERVED and not name.startswith("param_")
    }
    for name in settings:
        if not _SETTING_NAME.match(name):
            raise ClickHouseError("UNKNOWN_SETTING", f"Unknown setting '{name}'")
    return settings


def _bound(params: Mapping[str, str]) -> dict[str, str]:
    bound = {name[6:]: value for name, value in params.items() if name.startswith("param_")}
    for name in bound:
        if not _PARAM_NAME.match(name):
            raise ClickHouseError("BAD_ARGUMENTS", f"The name of parameter 'param_{name}' is not an identifier")
    return bound


def _session(params: Mapping[str, str]) -> SessionWish | None:
    if not params.get("session_id"):
        return None
    given = params.get("session_timeout", "60")
    if not given.isdecimal() or int(given) > 3600:
        raise ClickHouseError(
            "INVALID_SESSION_TIMEOUT", f"Invalid session timeout '{given}': 0 to 3600 seconds are valid"
        )
    return SessionWish(params["session_id"], int(given), _on(params, "session_check"), _on(params, "close_session"))


def _on(params: Mapping[str, str], name: str) -> bool:
    return params.get(name, "0").lower() not in ("", "0", "false")
