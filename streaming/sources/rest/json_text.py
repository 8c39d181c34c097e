"""The JSON text of an answer: where each record stands in it, and the few values that paging needs.

A page is looked through once as a whole, without building it in memory; so a page that breaks off is noticed before
any record of it is taken. Its records are then decoded one by one, and each keeps the text that it came as.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from runtime.errors import Retryable
from streaming.sources.rest.paths import Steps

_SPACE = re.compile(r"[ \t\n\r]*").match
_KINDS = {"{": "an object", '"': "a string", "t": "a boolean", "f": "a boolean"}

LONGEST_NUMBER = 1000
"""A number of more characters, or of a larger exponent, stays text: arithmetic with it would be an attack."""


def _number(text: str) -> Decimal | str:
    try:
        number = Decimal(text) if len(text) <= LONGEST_NUMBER else None
    except InvalidOperation:
        return text
    return text if number is None or abs(number.adjusted()) > LONGEST_NUMBER else number


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= LONGEST_NUMBER else text


class RepeatedNameError(ValueError):
    """An object holds a name twice, and nobody knows which of the two is meant."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = sorted(name for name, _ in pairs)
        twice = next(one for one, other in pairwise(names) if one == other)
        raise RepeatedNameError(f"the name {twice[:60]!r} stands twice in an object, valid: each name once")
    return found


_EXACT = json.JSONDecoder(
    parse_float=_number, parse_int=_integer, parse_constant=str, object_pairs_hook=_unique, strict=False
)
"""Numbers never become floats; what JSON does not know as a number stays text, which the contract refuses."""

_SKIM = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


def record(text: str) -> Any:
    """The value of a record's text: numbers as int and Decimal.

    Raises:
        ValueError: a name stands twice, or it is nested too deep.
    """
    try:
        return _EXACT.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deep, valid: a flat JSON object") from None


class JsonText:
    """One answer.

    Args:
        text: the whole of it.
        records: the way to the array of records.
        wanted: ways to single values; a number there is its text.

    Raises:
        Retryable: it is no JSON, or no array is where the records should be.
    """

    def __init__(self, text: str, records: Steps, wanted: Iterable[Steps] = ()) -> None:
        self._text, self._records, self._wanted = text, records, frozenset(wanted)
        self._begins, self._ends = array("Q"), array("Q")
        self._found = False
        self.values: dict[Steps, Any] = {}
        try:
            end = _SPACE(text, self._value(_SPACE(text, 0).end(), ())).end()  # type: ignore[union-attr]
        except (ValueError, IndexError, RecursionError) as error:
            raise Retryable("the answer is no complete JSON", received=_why(error, text)) from None
        if end != len(text):
            raise Retryable("something stands behind the answer's JSON", received=f"{len(text) - end} characters")
        if not self._found:
            raise _no_array(records, "nothing")

    def __len__(self) -> int:
        return len(self._begins)

    def records(self, first: int = 0) -> Iterator[str]:
        """The text of each record from that one on."""
        for number in range(first, len(self)):
            yield self._text[self._begins[number] : self._ends[number]]

    @property
    def span(self) -> str:
        """The text from the first record to the last."""
        return self._text[self._begins[0] : self._ends[-1]] if self._begins else ""

    def _value(self, at: int, way: Steps) -> int:
        """Reads the value that begins there, and says where it ends."""
        if way == self._records:
            return self._array(at)
        opening = self._text[at]
        if opening in "{[" and self._leads_on(way):
            return self._members(at, way, is_object=opening == "{")
        value, end = _SKIM.raw_decode(self._text, at)
        if way in self._wanted:
            self.values[way] = value
        return end

    def _leads_on(self, way: Steps) -> bool:
        return any(len(each) > len(way) and each[: len(way)] == way for each in (self._records, *self._wanted))

    def _members(self, at: int, way: Steps, *, is_object: bool) -> int:
        closing = "}" if is_object else "]"
        at, number = self._skip(at + 1), 0
        if self._text[at] == closing:
            return at + 1
        while True:
            name = str(number)
            if is_object:
                name, at = self._name(at)
            at, number = self._skip(self._value(at, (*way, name))), number + 1
            if self._text[at] == closing:
                return at + 1
            at = self._comma(at)

    def _name(self, at: int) -> tuple[str, int]:
        if self._text[at] != '"':
            raise ValueError(f"a name is missing at character {at}")
        name, at = _SKIM.raw_decode(self._text, at)
        at = self._skip(at)
        if self._text[at] != ":":
            raise ValueError(f"a colon is missing at character {at}")
        return name, self._skip(at + 1)

    def _array(self, at: int) -> int:
        """The records; null is an empty array, as some services write one."""
        if self._found:
            raise ValueError("the records stand there twice")
        self._found = True
        if self._text.startswith("null", at):
            return at + 4
        if self._text[at] != "[":
            raise _no_array(self._records, _KINDS.get(self._text[at], "a number"))
        at = self._skip(at + 1)
        if self._text[at] == "]":
            return at + 1
        return self._elements(at)

    def _elements(self, at: int) -> int:
        text, decode, space = self._text, _SKIM.raw_decode, _SPACE
        while True:
            self._begins.append(at)
            _, at = decode(text, at)
            self._ends.append(at)
            at = space(text, at).end()  # type: ignore[union-attr]
            if text[at] == "]":
                return at + 1
            at = self._comma(at)

    def _comma(self, at: int) -> int:
        if self._text[at] != ",":
            raise ValueError(f"a comma is missing at character {at}")
        return self._skip(at + 1)

    def _skip(self, at: int) -> int:
        return _SPACE(self._text, at).end()  # type: ignore[union-attr]


def _no_array(way: Steps, received: str) -> Retryable:
    where = "/".join(("", *way)) or "the whole answer"
    return Retryable(f"there is no array of records at {where}", received=received, valid="an array of objects")


def _why(error: Exception, text: str) -> str:
    match error:
        case IndexError():
            return f"it ends after {len(text)} characters"
        case RecursionError():
            return "it is nested too deep"
        case _:
            return str(error)
