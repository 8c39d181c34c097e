"""The values of a source's records as exact text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import singledispatch
from typing import Any
from uuid import UUID


def at_path(told: Mapping[str, Any], path: str) -> Any:
    """The value that a dotted path leads to; a field whose own name has the dots comes first. None where there is none.

    >>> at_path({"place": {"city": "Berlin"}}, "place.city"), at_path({"a.b": 1}, "a.b"), at_path({}, "x.y")
    ('Berlin', 1, None)
    """
    if path in told:
        return told[path]
    head, dot, rest = path.partition(".")
    inner = told.get(head)
    return at_path(inner, rest) if dot and isinstance(inner, Mapping) else None


@singledispatch
def text(value: Any) -> str | None:
    """A value as the contract writes it: decimals without an exponent, aware times in UTC with Z, the rest as JSON.

    Raises:
        ValueError: it is of a type that has no such text.

    >>> text(Decimal("1E+2")), text(True), text({"a": [1]}), text(0.1)
    ('100', 'true', '{"a": [1]}', '0.1')
    """
    raise ValueError(f"received a value of type {type(value).__name__}, valid: text, number, boolean or time")


@text.register
def _as_it_is(value: str | None) -> str | None:
    return value


@text.register
def _boolean(value: bool) -> str:
    return "true" if value else "false"


@text.register
def _shown(value: int | UUID) -> str:
    return str(value)


@text.register
def _fraction(value: float) -> str:
    return format(Decimal(repr(value)), "f")


@text.register
def _decimal(value: Decimal) -> str:
    return format(value, "f")


@text.register
def _day(value: date) -> str:
    return value.isoformat()


@text.register
def _structure(value: list | tuple | Mapping) -> str:  # type: ignore[type-arg]
    return json.dumps(value, ensure_ascii=False, default=text)


@text.register
def _instant(moment: datetime) -> str:
    """A time without a zone stays without: only a cast to `timestamp` says that it is UTC."""
    if moment.tzinfo is None:
        return moment.isoformat()
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@text.register
def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"received bytes, of which byte {error.start} is not UTF-8, valid: text") from None
