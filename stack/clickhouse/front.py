"""The HTTP interface as a WSGI application: health checks, and queries."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import structlog

from stack.clickhouse import auth
from stack.clickhouse.answer import StartResponse, send, send_error
from stack.clickhouse.auth import Account
from stack.clickhouse.engine import Engine
from stack.clickhouse.errors import ClickHouseError, from_engine
from stack.clickhouse.execute import execute
from stack.clickhouse.request import Query, headers_of, params_of, query_of
from stack.clickhouse.running import Entry, Running
from stack.clickhouse.sessions import Sessions
from stack.clickhouse.sql import Statement, read

log = structlog.get_logger()

_NOT_FOUND = (
    "There is no handle {path}\n\nUse / or /ping for health checks.\nOr /replicas_status for more sophisticated health "
    "checks.\n\nSend queries from your program with POST method or GET /?query=...\n"
)


@dataclass
class Gateway:
    """The application.

    Attributes:
        readers: further accounts, who may only read.
        closing: the server is about to stop and takes no new queries.
    """

    engine: Engine
    account: Account
    sessions: Sessions
    running: Running
    readers: tuple[Account, ...] = ()
    closing: bool = False

    def __call__(self, environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        if path in ("/ping", "/replicas_status"):
            return _text(start, "200 OK", "Ok.\n")
        if path not in ("/", "", "/query"):
            return _text(start, "404 Not Found", _NOT_FOUND.format(path=path))
        if method not in ("GET", "HEAD", "POST"):
            return _text(
                start, "405 Method Not Allowed", "GET, HEAD and POST are served.\n", [("Allow", "GET, HEAD, POST")]
            )
        if method != "POST" and not environ.get("QUERY_STRING"):
            return _text(start, "200 OK", "Ok.\n")
        return self._query(environ, start)

    def _query(self, environ: Mapping[str, Any], start: StartResponse) -> Iterable[bytes]:
        headers, params = headers_of(environ), params_of(environ)
        life, query_id, began = ExitStack(), params.get("query_id", ""), time.perf_counter()
        try:
            account = auth.check((self.account, *self.readers), headers, params)
            query = replace_database(query_of(environ, headers, params), account.database)
            query = limited(query, account)
            query_id = query.id
            return self._answer(query, environ, start, life)
        except Exception as raised:
            life.close()
            return self._fail(raised, query_id, start, began)

    def _answer(
        self, query: Query, environ: Mapping[str, Any], start: StartResponse, life: ExitStack
    ) -> Iterable[bytes]:
        if self.closing:
            raise ClickHouseError("ABORTED", "The server is shutting down", status=503)
        statement = _statement(query)
        if not statement.tokens:
            raise ClickHouseError("SYNTAX_ERROR", "Empty query")
        hung_up = environ.get("waitress.client_disconnected", _never)
        life.enter_context(self.running.turn(Entry(query.id, hung_up, query.cancel_on_close)))
        outcome = execute(self.engine, self.sessions, query, statement, life)
        life.callback(self._log, query, statement.verb, outcome.summary)
        return send(outcome, query, start, life, self.engine.version)

    def _log(self, query: Query, verb: str, summary: Any) -> None:
        log.debug(
            "query done",
            query_id=query.id,
            verb=verb,
            read_rows=summary.read_rows,
            written_rows=summary.written_rows,
            result_rows=summary.result_rows,
            milliseconds=round(summary.elapsed_ns / 1e6, 3),
        )

    def _give_up(self, error: ClickHouseError) -> NoReturn:
        """End the process: the engine takes no query after a fatal error, and what was acknowledged is on disk."""
        log.critical("the engine has failed, the gateway ends", error=error.text)
        logging.shutdown()
        os._exit(70)

    def _fail(self, raised: Exception, query_id: str, start: StartResponse, began: float) -> Iterable[bytes]:
        error = from_engine(raised)
        if "shutting down due to a fatal error" in error.text:
            self._give_up(error)
        known = isinstance(raised, ClickHouseError)
        log.warning(
            "query failed",
            query_id=query_id,
            code=error.code,
            error=error.name,
            text=error.text[:500],
            milliseconds=round((time.perf_counter() - began) * 1000, 3),
            exc_info=None if known else raised,
        )
        return send_error(error, query_id, start, self.engine.version)


def limited(query: Query, account: Account) -> Query:
    """The query within the account's limits: it only reads, has no session, and its own settings come before them."""
    if not account.limits:
        return query
    settings = {**query.settings, **account.limits, "readonly": "1"}
    whole = query.whole or settings.get("http_wait_end_of_query") == "1"
    database = query.database or account.database
    return replace(query, settings=settings, read_only=True, session=None, whole=whole, database=database)


def replace_database(query: Query, database: str) -> Query:
    """The query with the account's database, if it names none and has no session that could have one of its own."""
    return query if query.database or query.session else replace(query, database=database)


def _statement(query: Query) -> Statement:
    """The statement, of which nothing may stay unread: only the data of an INSERT can wait in the body."""
    statement = read(query.sql)
    rest = b"".join(query.more) if statement.data is None else b""
    return read(query.sql + rest) if rest else statement


def _never() -> bool:
    return False


def _text(start: StartResponse, status: str, text: str, headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    body = text.encode()
    start(status, [("Content-Type", "text/plain; charset=UTF-8"), ("Content-Length", str(len(body))), *headers])
    return [body]
