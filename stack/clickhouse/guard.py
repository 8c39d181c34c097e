"""What callers may not do although they know the password: reach beyond the database.

The engine itself refuses what its grants can express (`config/users.xml`): table functions, table engines, databases
and dictionaries that read or write files, URLs, other servers or Python objects; users, named collections, backups,
shutdown. Its default database is an ordinary one, not chDB's view of the file system. What grants cannot express is
refused here, by the statement's tokens: the scalar function `file`, `Python`, disks declared in a statement, tables
attached from a folder, INTO OUTFILE, FROM INFILE. Expressions in VALUES are held to the same.

This protects against mistakes and injected SQL. It is no wall against a hostile owner of the password: an expression
within a string that the engine evaluates (such as a column default in a `structure` argument) is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.sql import Statement
from stack.clickhouse.tokens import Kind, Token, tokens

_REFUSED_CALLS = (b"file", b"python", b"disk", b"catboostevaluate", b"executable")
_EVALUATED_SETTINGS = ("additional_result_filter", "additional_table_filters")


def check(statement: Statement) -> None:
    """Refuse a statement that reaches beyond the database.

    Raises:
        ClickHouseError: 497 (or 158 for INTO OUTFILE), naming what was refused.
    """
    if statement.has(b"INTO", b"OUTFILE"):
        raise ClickHouseError("INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed: read the answer's body")
    if statement.has(b"FROM", b"INFILE"):
        raise _refused("FROM INFILE", "send the data as the request's body")
    if statement.verb == "ATTACH" and any(
        before.word(b"FROM") and token.kind is Kind.STRING
        for before, token in zip(statement.tokens, statement.tokens[1:], strict=False)
    ):
        raise _refused("ATTACH … FROM a folder", "insert the data")
    _check_calls(statement.tokens)


def check_values(data: bytes) -> None:
    """Refuse rows in the format Values whose expressions reach beyond the database."""
    lowered = data.lower()
    escaped = b"\\" in data and (b"`" in data or b'"' in data or b"\xe2\x80\x9c" in data)
    if escaped or any(name in lowered for name in _REFUSED_CALLS):
        _check_calls(tokens(data))


def check_settings(settings: Mapping[str, str]) -> None:
    """Refuse settings that hold expressions which reach beyond the database."""
    for name in _EVALUATED_SETTINGS:
        check_values(settings.get(name, "").replace("'", " ").encode())


def _check_calls(stream: Iterable[Token]) -> None:
    """Refuse calls `name(…)` and transformers `APPLY name` of refused functions, however the name is quoted."""
    before: Token | None = None
    applied = False
    for token in stream:
        if before is not None and token.sign(b"(") and _may_be_refused(before):
            raise _refused(f"{before.text.decode(errors='replace')}(…)", "load the data through an INSERT")
        if applied and _may_be_refused(token):
            raise _refused(f"APPLY {token.text.decode(errors='replace')}", "load the data through an INSERT")
        applied = token.word(b"APPLY") or (applied and token.sign(b"("))
        before = token


def _may_be_refused(token: Token) -> bool:
    """Whether a name is a refused function's; an escape in quotes could spell any name."""
    if token.quoted:
        return b"\\" in token.text or token.name.lower() in _REFUSED_CALLS
    return token.kind is Kind.WORD and token.text.lower() in _REFUSED_CALLS


def _refused(what: str, todo: str) -> ClickHouseError:
    return ClickHouseError(
        "ACCESS_DENIED", f"{what} is not allowed: statements may not reach beyond the database; {todo}"
    )
