"""The contract of a record in the log: which payloads are sales, and what is wrong with the others.

A payload is one JSON object in UTF-8, with nothing behind it and no name twice. Every field of a sale is a JSON
string (an amount too: a JSON number is most often a float that has already lost cents); `deleted` may also be a
JSON boolean. Fields that the contract does not know are no error. Text is trimmed of spaces, tabs and line ends and
brought to Unicode's NFC. A deletion needs its key alone.

The rules are data, so that the stream's and the batch's parser apply the same patterns. The patterns use only what
Java's and Python's regular expressions have in common.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rankings.currencies import ISO_4217
from rankings.sale import Deletion, Sale

_DATE = (
    r"(?:(?:19(?:7[1-9]|[89][0-9])|20[0-9][0-9])-(?:"
    r"(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:19(?:7[26]|8[048]|9[26])|20(?:[02468][048]|[13579][26]))-02-29)"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field has to look like, after trimming.

    Attributes:
        field: its name in the payload.
        pattern: a regular expression that the whole text matches.
        valid: the same for a person.
        required: whether a sale needs it.
        longest: most characters; longer ones are refused before the pattern is tried.
    """

    field: str
    pattern: str
    valid: str
    required: bool = True
    longest: int = 200


_TEXT, _TEXT_VALID = r"[^\x00-\x1f\x7f]+", "text of 1 to 200 characters without control characters"

KEY_RULES: tuple[Rule, ...] = (
    Rule("source", _TEXT, _TEXT_VALID),
    Rule("sale_id", _TEXT, _TEXT_VALID),
)
"""What a deletion needs too."""

SALE_RULES: tuple[Rule, ...] = (
    Rule(
        "occurred_at",
        _DATE + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?Z",
        "a UTC time from 1971 to 2099 such as 2026-01-31T23:59:59.123Z",
    ),
    Rule("country", _TEXT, _TEXT_VALID),
    Rule("city", _TEXT, _TEXT_VALID),
    Rule("salesman_id", _TEXT, _TEXT_VALID),
    Rule("salesman", _TEXT, _TEXT_VALID, required=False),
    Rule(
        "amount",
        r"-?[0-9]{1,16}(?:\.[0-9]{1,2})?",
        'a decimal in a string, such as "12.30", with at most 16 digits before and 2 behind the point',
    ),
    Rule("currency", "|".join(sorted(ISO_4217)), "a currency code of ISO 4217"),
)
"""What else a sale needs."""

DELETED_FIELD = "deleted"
"""The field that says whether a record deletes its sale."""

MARK_FIELD = "mark"
"""The field by which a mark is known: its value is the mark's time, and the record carries no sale."""

TRIMMED = " \t\r\n"
"""The characters that are cut from both ends of a text."""

LONGEST_SHOWN = 60
"""How many characters of a received text an error shows."""

LONGEST_NUMBER = 1000
"""Most digits of a number in a payload: a longer one is taken for an attack on the parser."""

DEEPEST = 64
"""How deep arrays and objects of unknown fields may be nested, the payload itself included."""

_STRINGS, _BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL), re.compile(rb"[\[\]{}]")

_COMPILED = {rule.field: re.compile(rule.pattern) for rule in (*KEY_RULES, *SALE_RULES)}


@dataclass(frozen=True, slots=True)
class Mark:
    """A record that proves how far a reader has come, and carries no sale."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that the contract refuses.

    Attributes:
        field: the field that is wrong, or None where the payload as a whole is.
        reason: what was wrong, what came, and what is valid.
    """

    field: str | None
    reason: str


Parsed = Sale | Deletion | Mark | Rejected


class _RefusedError(Exception):
    def __init__(self, field: str | None, reason: str) -> None:
        self.rejected = Rejected(field, reason)


def parse(payload: bytes | None) -> Parsed:
    """What a record says.

    >>> parse(b'{"source": "till", "sale_id": "7", "deleted": true}')
    Deletion(source='till', sale_id='7')
    >>> parse(b'[1]').reason
    'payload: received an array, valid: a JSON object'
    """
    try:
        fields = _object(payload)
        if MARK_FIELD in fields:
            return Mark()
        source, sale_id = (str(_text(rule, fields)) for rule in KEY_RULES)
        if _deleted(fields):
            return Deletion(source, sale_id)
        return _sale(source, sale_id, fields)
    except _RefusedError as refused:
        return refused.rejected


def _sale(source: str, sale_id: str, fields: dict[str, object]) -> Sale:
    text = {rule.field: _text(rule, fields) for rule in SALE_RULES}
    return Sale(
        source=source,
        sale_id=sale_id,
        occurred_at=_instant(str(text["occurred_at"])),
        country=str(text["country"]),
        city=str(text["city"]),
        salesman_id=str(text["salesman_id"]),
        salesman=text["salesman"],
        amount=Decimal(str(text["amount"])).quantize(Decimal("0.01")),
        currency=str(text["currency"]),
    )


def _instant(text: str) -> datetime:
    """Microseconds are kept; what is finer is cut off, as every engine does."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
    return datetime.fromisoformat(whole).replace(microsecond=micros, tzinfo=UTC)


def _object(payload: bytes | None) -> dict[str, object]:
    if not payload:
        raise _RefusedError(None, "payload: received nothing, valid: a JSON object")
    _check_depth(payload)
    try:
        value = json.loads(payload.decode("utf-8"), object_pairs_hook=_unique, **_NUMBERS)
    except UnicodeDecodeError as error:
        raise _RefusedError(None, f"payload: byte {error.start} is not UTF-8, valid: a JSON object in UTF-8") from None
    except ValueError as error:
        raise _RefusedError(None, f"payload: not JSON ({error}), valid: a JSON object") from None
    if not isinstance(value, dict):
        raise _RefusedError(None, f"payload: received {_kind(value)}, valid: a JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = _first_repeated(name for name, _ in pairs)
        raise _RefusedError(None, f"payload: the name {shown(twice)} stands twice in an object, valid: each name once")
    return found


def _first_repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _check_depth(payload: bytes) -> None:
    """Counts only where there are many brackets at all; what stands in strings is none."""
    if payload.count(b"[") + payload.count(b"{") <= DEEPEST:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", payload)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise _RefusedError(None, f"payload: nested deeper than {DEEPEST}, valid: a flat JSON object")


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


def _number(text: str) -> int:
    """A number's value is never used: money comes as text."""
    if len(text) > LONGEST_NUMBER and (digits := sum(map(str.isdigit, text))) > LONGEST_NUMBER:
        raise ValueError(f"a number of {digits} digits")
    return 0


_NUMBERS: dict[str, Any] = {"parse_constant": _no_constant, "parse_int": _number, "parse_float": _number}


def _text(rule: Rule, fields: dict[str, object]) -> str | None:
    value = fields.get(rule.field)
    if value is None:
        if rule.required:
            raise _RefusedError(rule.field, f"{rule.field}: missing, valid: {rule.valid}")
        return None
    if not isinstance(value, str):
        raise _RefusedError(rule.field, f"{rule.field}: received {_kind(value)}, valid: {rule.valid}")
    # The JVM turns half a surrogate pair into a question mark when it writes UTF-8.
    text = unicodedata.normalize("NFC", value.strip(TRIMMED).encode("utf-8", "replace").decode("utf-8"))
    if len(text) > rule.longest or not _COMPILED[rule.field].fullmatch(text):
        raise _RefusedError(rule.field, f"{rule.field}: received {shown(text)}, valid: {rule.valid}")
    return text


def _deleted(fields: dict[str, object]) -> bool:
    value = fields.get(DELETED_FIELD)
    if value is None or value is False or value == "false":
        return False
    if value is True or value == "true":
        return True
    raise _RefusedError(DELETED_FIELD, f"{DELETED_FIELD}: received {_kind(value)}, valid: true or false")


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return "null" if value is None else names.get(type(value), "an object")


def shown(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A received text as an error shows it: quoted and cut."""
    return f"'{text}'" if len(text) <= longest else f"'{text[:longest]}…'"


def as_data() -> dict[str, object]:
    """The whole contract as JSON can hold it, for parsers in other languages."""
    return {
        "key_rules": [asdict(rule) for rule in KEY_RULES],
        "sale_rules": [asdict(rule) for rule in SALE_RULES],
        "deleted_field": DELETED_FIELD,
        "mark_field": MARK_FIELD,
        "trimmed": TRIMMED,
        "longest_shown": LONGEST_SHOWN,
        "longest_number": LONGEST_NUMBER,
        "deepest": DEEPEST,
    }
