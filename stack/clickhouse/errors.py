"""Errors as ClickHouse words them: a code, a name, a text, and the HTTP status that ClickHouse gives for it."""

from __future__ import annotations

import re

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?[^()]*\)\s*\.?")
_NAME = re.compile(r"\s*\(([A-Z][A-Z0-9_]+)\)\s*$")

# As ClickHouse maps them, apart from TOO_MANY_SIMULTANEOUS_QUERIES: 503 lets clients try again.
_STATUS_NAMES = {
    401: ["REQUIRED_PASSWORD"],
    403: ["UNKNOWN_USER", "WRONG_PASSWORD", "AUTHENTICATION_FAILED", "SET_NON_GRANTED_ROLE", "ACCESS_DENIED"],
    400: [
        *("BAD_ARGUMENTS", "CANNOT_COMPILE_REGEXP", "CANNOT_PARSE_TEXT", "CANNOT_PARSE_ESCAPE_SEQUENCE"),
        *("CANNOT_PARSE_QUOTED_STRING", "CANNOT_PARSE_DATE", "CANNOT_PARSE_DATETIME", "CANNOT_PARSE_NUMBER"),
        *("CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING", "CANNOT_PARSE_IPV4", "CANNOT_PARSE_IPV6", "CANNOT_PARSE_UUID"),
        *("CANNOT_PARSE_INPUT_ASSERTION_FAILED", "DUPLICATE_COLUMN", "ILLEGAL_COLUMN", "THERE_IS_NO_COLUMN"),
        *("UNKNOWN_ELEMENT_IN_AST", "UNKNOWN_TYPE_OF_AST_NODE", "TOO_DEEP_AST", "TOO_BIG_AST"),
        *("UNEXPECTED_AST_STRUCTURE", "SYNTAX_ERROR", "INCORRECT_DATA", "TYPE_MISMATCH"),
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    ],
    404: [
        *("UNKNOWN_TABLE", "UNKNOWN_FUNCTION", "UNKNOWN_IDENTIFIER", "UNKNOWN_TYPE", "UNKNOWN_STORAGE"),
        *("UNKNOWN_DATABASE", "UNKNOWN_SETTING", "UNKNOWN_DIRECTION_OF_SORTING", "UNKNOWN_AGGREGATE_FUNCTION"),
        *("UNKNOWN_FORMAT", "UNKNOWN_DATABASE_ENGINE", "UNKNOWN_TYPE_OF_QUERY", "UNKNOWN_ROLE"),
    ],
    408: ["TIMEOUT_EXCEEDED"],
    413: ["QUERY_IS_TOO_LARGE"],
    415: ["UNSUPPORTED_MEDIA_TYPE"],
    501: ["NOT_IMPLEMENTED"],
    503: ["SOCKET_TIMEOUT", "CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK", "TOO_MANY_SIMULTANEOUS_QUERIES"],
}
_STATUS = {name: status for status, names in _STATUS_NAMES.items() for name in names}

_CODES = {
    "BAD_ARGUMENTS": 36,
    "NOT_IMPLEMENTED": 48,
    "SYNTAX_ERROR": 62,
    "UNKNOWN_SETTING": 115,
    "INTO_OUTFILE_NOT_ALLOWED": 158,
    "READONLY": 164,
    "TOO_MANY_SIMULTANEOUS_QUERIES": 202,
    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING": 216,
    "CANNOT_DECOMPRESS": 271,
    "SESSION_NOT_FOUND": 372,
    "SESSION_IS_LOCKED": 373,
    "INVALID_SESSION_TIMEOUT": 374,
    "ABORTED": 236,
    "ACCESS_DENIED": 497,
    "UNKNOWN_ROLE": 511,
    "AUTHENTICATION_FAILED": 516,
    "STD_EXCEPTION": 1001,
    "UNKNOWN_EXCEPTION": 1002,
}


class ClickHouseError(Exception):
    """A failed request, as ClickHouse would report it.

    Args:
        name: the error's name, such as `UNKNOWN_TABLE`.
        text: what was wrong, without code, name and version.
        code: the error's number; taken from the name when it is one of the gateway's own.
        status: the HTTP status; taken from the name when it is not given.
    """

    def __init__(self, name: str, text: str, *, code: int | None = None, status: int | None = None) -> None:
        self.name = name
        self.text = text
        self.code = code if code is not None else _CODES[name]
        self.status = status or _STATUS.get(name, 500)
        super().__init__(text)

    def body(self, version: str) -> str:
        """The error as the body of an HTTP answer.

        >>> print(ClickHouseError("SYNTAX_ERROR", "Empty query").body("26.9"), end="")
        Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR) (version 26.9)
        """
        stop = "" if self.text.endswith((".", "!", "?")) else "."
        return f"Code: {self.code}. DB::Exception: {self.text}{stop} ({self.name}) (version {version})\n"


def from_engine(raised: BaseException) -> ClickHouseError:
    """The engine's error without what the layers between wrapped around it.

    >>> wrapped = "Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown setting 'x'. (UNKNOWN_SETTING)"
    >>> error = from_engine(RuntimeError(f"Streaming query failed: {wrapped} (version 26.9). (UNKNOWN_SETTING)"))
    >>> error.code, error.name, error.text
    (115, 'UNKNOWN_SETTING', "Unknown setting 'x'.")
    """
    if isinstance(raised, ClickHouseError):
        return raised
    text = str(raised)
    codes = list(_CODE.finditer(text))
    if not codes:
        return ClickHouseError("STD_EXCEPTION", text or type(raised).__name__)
    text, name = _VERSION.sub("", text[codes[-1].end() :]).rstrip(), "UNKNOWN_EXCEPTION"
    while match := _NAME.search(text):
        name, text = match.group(1), text[: match.start()].rstrip()
    return ClickHouseError(name, text, code=int(codes[-1].group(1)))
