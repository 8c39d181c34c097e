"""Running one query on one connection: classify, guard, then read, insert, or change."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from stack.clickhouse import guard
from stack.clickhouse.engine import Connection, Engine, identifier
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.form import ExternalTable
from stack.clickhouse.request import Query
from stack.clickhouse.sessions import Session, Sessions
from stack.clickhouse.sql import Statement, read
from stack.clickhouse.tokens import Kind

# Formats whose blocks, one after another, are the format itself; all others have a head, a foot or a separator.
_STREAMABLE = frozenset(
    (
        "native",
        "rowbinary",
        "tabseparated",
        "tsv",
        "tabseparatedraw",
        "tsvraw",
        "csv",
        "tskv",
        "lineasstring",
        "rawblob",
    )
) | frozenset(
    ("jsoneachrow", "jsonlines", "ndjson", "jsonstringseachrow", "jsoncompacteachrow", "jsoncompactstringseachrow")
)
# What only a whole result shows, or what turns rows into an array.
_WHOLE_SETTINGS = ("extremes", "output_format_json_array_of_rows")
# chDB gives queries ids of its own; the caller's is kept as the query's comment.
_CALLERS_ID = b"if(Settings['log_comment'] = '', query_id, Settings['log_comment'])"


@dataclass
class Summary:
    """What a query read and wrote; complete when it has ended."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, result: Any) -> None:
        """Count one of chDB's results in."""
        self.read_rows += result.storage_rows_read()
        self.read_bytes += result.storage_bytes_read()
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        self.result_rows += result.rows_read()
        self.result_bytes += result.bytes_read()

    @property
    def elapsed_ns(self) -> int:
        """Nanoseconds since the query was started."""
        return int((time.perf_counter() - self.started) * 1e9)


@dataclass
class Outcome:
    """An answer's bytes piece by piece, their format (None if the statement has no result), and the counts."""

    pieces: Iterator[bytes]
    format: str | None
    summary: Summary


def execute(engine: Engine, sessions: Sessions, query: Query, statement: Statement, life: ExitStack) -> Outcome:
    """Run a query in its session, or on a connection of its own.

    Args:
        life: what has to be ended when the answer is complete is put here.

    Raises:
        ClickHouseError: the engine's error, or a refusal.
    """
    guard.check(statement)
    guard.check_settings(query.settings)
    if query.session is None:
        connection = engine.connect()
        life.callback(connection.close)
        _prepare(connection, query, life)
        return _run(connection, query, statement, life, read_only=query.read_only)
    session = life.enter_context(sessions.held(query.session))
    return _in_session(session, query, statement, life)


def _prepare(connection: Connection, query: Query, life: ExitStack) -> None:
    """Give a new connection the query's settings; `readonly` last, for nothing can be set after it."""
    first = {name: value for name, value in query.settings.items() if name != "readonly"}
    connection.set(first | _marks(query))
    if query.database is not None:
        connection.use(query.database)
    _load(connection, query.external, life)
    connection.set({name: value for name, value in query.settings.items() if name == "readonly"})


def _in_session(session: Session, query: Query, statement: Statement, life: ExitStack) -> Outcome:
    """Run in a session. `readonly` could not be taken back there, so the gateway itself holds the query to it."""
    settings = {name: value for name, value in query.settings.items() if name != "readonly"}
    # A SET is meant for the session: nothing of the query may lie over it.
    session.lay({} if statement.verb == "SET" else settings, query.database)
    session.connection.set(_marks(query))
    _load(session.connection, query.external, life)
    read_only = query.read_only or query.settings.get("readonly", "0") != "0"
    outcome = _run(session.connection, query, statement, life, read_only=read_only)
    if statement.verb == "USE":
        session.adopt_database()
    return outcome


def _marks(query: Query) -> dict[str, str]:
    """The query's parameters, and its id where `Engine.kill` finds it."""
    return {f"param_{name}": value for name, value in query.params.items()} | {"log_comment": query.id}


def _load(connection: Connection, tables: tuple[ExternalTable, ...], life: ExitStack) -> None:
    """Make the external tables; they end with the query."""
    for table in tables:
        create = f"CREATE TEMPORARY TABLE {identifier(table.name)} ({table.structure}) ENGINE = Memory"
        if connection.classify(create)[1] != 1:
            raise ClickHouseError("SYNTAX_ERROR", f"The structure of the external table '{table.name}' is not one")
        guard.check(read(create.encode()))
        connection.run(create)
        life.callback(connection.run, f"DROP TEMPORARY TABLE IF EXISTS {identifier(table.name)}")
        connection.insert(f"INSERT INTO {identifier(table.name)}", table.format, table.pieces())


def _run(connection: Connection, query: Query, statement: Statement, life: ExitStack, *, read_only: bool) -> Outcome:
    if statement.data is not None:
        _refuse_changes(read_only, "MUTATING", statement.verb)
        return _insert(connection, query, statement)
    _refuse_input(statement)
    sql = _text(statement.text)
    kind, count = connection.classify(sql)
    if count > 1:
        raise _several()
    _refuse_changes(read_only, kind, statement.verb)
    if statement.verb == "KILL":
        sql = _text(_with_own_ids(statement))
    output = statement.format or query.default_format or "TabSeparated"
    if _can_stream(query, statement, kind, output):
        return _stream(connection, sql, output, life)
    return _whole(connection, sql, output, has_result=kind == "READ_ONLY")


def _insert(connection: Connection, query: Query, statement: Statement) -> Outcome:
    summary, head = Summary(), _text(statement.text)
    name = statement.format or "Values"
    pieces: Iterator[bytes] = chain([statement.data or b""], query.more)
    if name.lower() == "values":
        data = b"".join(pieces)
        guard.check_values(data)
        if b";" in data and connection.classify(f"{head} VALUES {_text(data)}")[1] > 1:
            raise _several()
        pieces = iter([data])
    written = connection.insert(head, name, pieces)
    summary.written_rows, summary.written_bytes = written.rows_written, written.bytes_written
    return Outcome(iter(()), None, summary)


def _stream(connection: Connection, sql: str, output: str, life: ExitStack) -> Outcome:
    summary = Summary()

    def pieces() -> Generator[bytes, None, None]:
        with closing(connection.stream(sql, output)) as blocks:
            for block in blocks:
                summary.add(block)
                yield block.bytes()

    stream = pieces()
    # The engine does not survive it when a connection ends before its stream does.
    life.callback(stream.close)
    return Outcome(stream, output, summary)


def _whole(connection: Connection, sql: str, output: str, *, has_result: bool) -> Outcome:
    summary = Summary()
    result = connection.run(sql, output)
    summary.add(result)
    body = result.bytes() or b""
    return Outcome(iter([body]), output if has_result or body else None, summary)


def _can_stream(query: Query, statement: Statement, kind: str, output: str) -> bool:
    return (
        kind == "READ_ONLY"
        and statement.verb in ("SELECT", "WITH")
        and output.lower() in _STREAMABLE
        and not statement.has(b"WITH", b"TOTALS")
        and not any(name in query.settings or statement.has(name.upper().encode()) for name in _WHOLE_SETTINGS)
    )


def _refuse_changes(read_only: bool, kind: str, verb: str) -> None:
    if read_only and kind not in ("READ_ONLY", "UNKNOWN") and verb not in ("SET", "USE"):
        raise ClickHouseError(
            "READONLY",
            "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
            "You should use method POST for modifying queries",
        )


def _with_own_ids(statement: Statement) -> bytes:
    """A KILL QUERY that finds queries by the ids that their callers know."""
    text = statement.text
    for token in reversed(statement.tokens):
        if token.kind is Kind.WORD and token.text == b"query_id":
            text = text[: token.start] + _CALLERS_ID + text[token.end :]
    return text


def _refuse_input(statement: Statement) -> None:
    """Rows for `input()` would be lost: chDB reads them from no request."""
    calls = zip(statement.tokens, statement.tokens[1:], strict=False)
    if statement.verb == "INSERT" and any(name.word(b"INPUT") and after.sign(b"(") for name, after in calls):
        raise ClickHouseError(
            "NOT_IMPLEMENTED",
            "INSERT … SELECT … FROM input(…) is not served: insert into a table, or send the rows as an external table",
        )


def _several() -> ClickHouseError:
    return ClickHouseError(
        "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed): send one statement per request"
    )


def _text(sql: bytes) -> str:
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError("BAD_ARGUMENTS", f"The statement is not valid UTF-8 at byte {error.start}") from error
