"""Records of JSON Lines: an object a line, numbers exact."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from streaming.sources.files.content import Line, as_it_came, lines, unknown_byte, unpacked
from streaming.sources.files.inspection import check_text
from streaming.sources.files.names import compression
from streaming.sources.files.rows import Part
from streaming.sources.records import Row

LONGEST_NUMBER = 400
"""Most digits of a number: one that is written out with more is an attack, not an amount."""

VALID = "valid: a JSON object in one line"


def check(part: Part) -> None:
    """Whether the file keeps the limits; its columns differ from line to line."""
    check_text(part.source, part.seen, part.file)


def rows(part: Part, done: int) -> Iterator[Row]:
    """The records behind the first `done`; empty lines are none."""
    content = unpacked(part.file, compression(part.source, part.seen.name))
    found = lines(content, part.source.encoding, part.source.limits.line_bytes)
    for line in islice((line for line in found if line.text.strip()), done, None):
        yield _row(part, line)


def _row(part: Part, line: Line) -> Row:
    at, raw = part.at(line.number), as_it_came(line.text, part.source.encoding)
    problem = unknown_byte(line.text, part.source.encoding)
    if not line.is_whole:
        problem = f"it is longer than {part.source.limits.line_bytes:,} characters; its beginning is kept"
    if problem is not None:
        return Row(at, None, raw, problem)
    try:
        fields = _EXACT.decode(line.text)
    except RecursionError:
        return Row(at, None, raw, f"it is nested too deep, {VALID}")
    except ValueError as error:
        return Row(at, None, raw, f"it is not JSON ({error}), {VALID}")
    if not isinstance(fields, dict):
        return Row(at, None, raw, f"received JSON of another kind, {VALID}")
    return Row(at, fields, raw)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text[:60]} is out of all bounds") from None
    if len(text) > LONGEST_NUMBER or abs(number.adjusted()) > LONGEST_NUMBER:
        raise ValueError(f"the number {text[:60]} has more than {LONGEST_NUMBER} digits")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
    return int(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


_EXACT = json.JSONDecoder(
    parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_unique
)
