"""Payloads of every kind that the contract refuses, and unusual ones that it takes; for the reference and every engine.

Each has a name, the payload, and: for a refused one the field (None: the payload as a whole) and how the
reason begins, for the others what it says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from rankings.contract import Mark
from rankings.sale import Deletion, Sale
from tests.golden.cases import BASE


@dataclass(frozen=True, slots=True)
class Bad:
    """A payload that is refused."""

    name: str
    payload: bytes | None
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Good:
    """A payload that is taken."""

    name: str
    payload: bytes
    says: Sale | Deletion | Mark


BASE_SALE = Sale(
    source="till",
    sale_id="1",
    occurred_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    country="Germany",
    city="Berlin",
    salesman_id="DE-1",
    salesman="Ada",
    amount=Decimal("10.00"),
    currency="EUR",
)


def with_(**fields: object) -> bytes:
    """The base sale's payload with some fields of other values; `...` leaves one out."""
    told = {name: value for name, value in (BASE | fields).items() if value is not ...}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")


def bad() -> tuple[Bad, ...]:
    """Every payload that is refused."""
    return (*_not_json(), *_not_an_object(), *_twice(), *_missing(), *_wrong_type(), *_wrong_text(), *_wrong_deletion())


def _not_json() -> Iterator[Bad]:
    whole = with_()
    yield Bad("nothing", None, None, "payload: received nothing")
    yield Bad("no bytes", b"", None, "payload: received nothing")
    yield Bad("not UTF-8", whole.replace(b"Berlin", b"K\xf6ln"), None, "payload:")
    yield Bad("half of a character", whole.replace(b"Berlin", b"\xe2\x82"), None, "payload:")
    yield Bad("overlong UTF-8", whole.replace(b"Berlin", b"\xc0\xaf"), None, "payload:")
    yield Bad("a surrogate in UTF-8", with_(city="\ud800"), None, "payload:")
    yield Bad("UTF-16", whole.decode().encode("utf-16"), None, "payload:")
    texts = {
        "white space": b" \n ",
        "a byte order mark": b"\xef\xbb\xbf" + whole,
        "a text": b"a sale of 12 euros",
        "cut off": whole[:-10],
        "single quotes": whole.replace(b'"', b"'"),
        "no quotes": b"{source: 1}",
        "a comma too many": whole[:-1] + b",}",
        "a comment": b"/* sale */" + whole,
        "two objects": whole + whole,
        "something behind it": whole + b" x",
        "a line end within a text": whole.replace(b"Berlin", b"Ber\nlin"),
        "an unknown escape": whole.replace(b"Berlin", rb"\q"),
        "not a number": whole[:-1] + b', "x": NaN}',
        "an infinite number": whole[:-1] + b', "x": -Infinity}',
        "a number of 1001 digits": whole[:-1] + b', "x": ' + b"9" * 1001 + b"}",
        "a leading zero": whole[:-1] + b', "x": 007}',
        "a hexadecimal number": whole[:-1] + b', "x": 0x1F}',
        "Python's literals": whole[:-1] + b', "x": None}',
        "XML": b"<sale><id>1</id></sale>",
        "CSV": b"till,1,2026-03-01T10:00:00Z,Germany,Berlin,DE-1,Ada,10.00,EUR",
    }
    for name, payload in texts.items():
        yield Bad(name, payload, None, "payload: not JSON")


def _not_an_object() -> Iterator[Bad]:
    kinds = {b"[1]": "an array", b'"sale"': "a string", b"12.5": "a number", b"true": "a boolean", b"null": "null"}
    for payload, kind in kinds.items():
        yield Bad(f"{kind} alone", payload, None, f"payload: received {kind}, valid: a JSON object")
    yield Bad("an array of sales", b"[" + with_() + b"]", None, "payload: received an array")


def _twice() -> Iterator[Bad]:
    """Which of the two values would count is not defined; engines name the field or the payload."""
    yield Bad("a field twice", with_()[:-1] + b', "amount": "99.00"}', None, "payload: the name 'amount' stands twice")
    yield Bad(
        "a field twice by an escape",
        with_()[:-1] + rb', "\u0061mount": "99.00"}',
        None,
        "payload: the name 'amount' stands twice",
    )
    yield Bad("an unknown field twice", with_()[:-1] + b', "x": 1, "x": 2}', None, "payload: the name 'x' stands twice")
    yield Bad(
        "a long name twice", b'{"' + b"n" * 100 + b'": 1, "' + b"n" * 100 + b'": 1}', None, "payload: the name 'nnn"
    )
    yield Bad(
        "nested too deep", with_()[:-1] + b', "x": ' + b"[" * 64 + b"]" * 64 + b"}", None, "payload: nested deeper"
    )
    yield Bad(
        "a field twice further in",
        with_()[:-1] + b', "x": {"y": 1, "y": 1}}',
        None,
        "payload: the name 'y' stands twice",
    )


REQUIRED = [name for name in BASE if name != "salesman"]


def _missing() -> Iterator[Bad]:
    for name in REQUIRED:
        yield Bad(f"no {name}", with_(**{name: ...}), name, f"{name}: missing, valid: ")
        yield Bad(f"{name} of null", with_(**{name: None}), name, f"{name}: missing, valid: ")
    yield Bad("an empty object", b"{}", "source", "source: missing")
    yield Bad("a field in capitals", with_(amount=..., Amount="1.00"), "amount", "amount: missing")


def _wrong_type() -> Iterator[Bad]:
    kinds = {"a number": 12.5, "a boolean": True, "an array": ["1"], "an object": {"value": "1"}}
    for name in BASE:
        for kind, value in kinds.items():
            yield Bad(f"{name} as {kind}", with_(**{name: value}), name, f"{name}: received {kind}, valid: ")


def _wrong_text() -> Iterator[Bad]:
    texts: dict[str, tuple[str, ...]] = {
        name: ("", "  ", "\t\r\n", "a\u0000b", "a\u001fb", "a\u007f", "x" * 201) for name in BASE
    }
    texts["occurred_at"] += WRONG_TIMES
    texts["amount"] += WRONG_AMOUNTS
    texts["currency"] += WRONG_CURRENCIES
    for name, values in texts.items():
        for value in values:
            yield Bad(f"{name} of {value[:30]!r}", with_(**{name: value}), name, f"{name}: received '")


WRONG_TIMES = (
    "2026-03-01", "2026-03-01T10:00:00", "2026-03-01 10:00:00Z", "2026-03-01T10:00:00+00:00", "2026-03-01T10:00Z",
    "2026-03-01t10:00:00z", "2026-3-1T10:00:00Z", "01.03.2026 10:00", "1772359200", "1772359200000", "yesterday",
    "2026-00-01T10:00:00Z", "2026-13-01T10:00:00Z", "2026-03-00T10:00:00Z", "2026-03-32T10:00:00Z",
    "2026-04-31T10:00:00Z", "2026-02-29T10:00:00Z", "2100-02-29T10:00:00Z", "1900-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-03-01T24:00:00Z", "2026-03-01T10:60:00Z", "2026-03-01T10:00:60Z", "2026-03-01T10:00:00.Z",
    "2026-03-01T10:00:00.1234567890Z", "2026-03-01T10:00:00,5Z", "+2026-03-01T10:00:00Z",
    "٢٠٢٦-03-01T10:00:00Z", "2026-03-01T10:00:00Z\u00a0", "2026-W09-7T10:00:00Z",
)  # fmt: skip

WRONG_AMOUNTS = (
    "twelve", "12,30", "1 000.00", "1'000.00", "1,000.00", "€12.30", "12.30 EUR", "1e3", "1E-2", "+1.00", "--1.00",
    "- 1.00", ".50", "1.", "-", ".", "1.234", "0.001", "12345678901234567", "12345678901234567.00", "NaN", "Infinity",
    "0x10", "1_000", "١٢.٣٠", "１２.30", "\u22121.00", "(1.00)", "1.2.3",
)  # fmt: skip

WRONG_CURRENCIES = ("eur", "Eur", "EU", "EURO", "XXX", "XAU", "DEM", "€", "978", "E UR", "EUR;", "ЕUR")


def _wrong_deletion() -> Iterator[Bad]:
    values: tuple[object, ...] = ("yes", "True", "TRUE", "1", "", " true", 1, 0, [], {})
    for value in values:
        yield Bad(f"deleted of {value!r}", with_(deleted=value), "deleted", "deleted: received ")
    yield Bad("a deletion without its key", b'{"source": "till", "deleted": true}', "sale_id", "sale_id: missing")
    yield Bad("a deletion without its source", b'{"sale_id": "1", "deleted": true}', "source", "source: missing")


def good() -> tuple[Good, ...]:
    """Unusual payloads that are taken."""
    return (*_good_times(), *_good_amounts(), *_good_texts(), *_good_shapes(), *_good_deletions())


def _sale(name: str, payload: bytes, **fields: object) -> Good:
    return Good(name, payload, replace(BASE_SALE, **fields))  # type: ignore[arg-type]


def _good_times() -> Iterator[Good]:
    times = {
        "1971-01-01T00:00:00Z": datetime(1971, 1, 1, tzinfo=UTC),
        "2099-12-31T23:59:59.999999Z": datetime(2099, 12, 31, 23, 59, 59, 999_999, UTC),
        "2024-02-29T00:00:00Z": datetime(2024, 2, 29, tzinfo=UTC),
        "2000-02-29T00:00:00Z": datetime(2000, 2, 29, tzinfo=UTC),
        "2026-03-01T10:00:00.5Z": datetime(2026, 3, 1, 10, 0, 0, 500_000, UTC),
        "2026-03-01T10:00:00.000001Z": datetime(2026, 3, 1, 10, 0, 0, 1, UTC),
        "2026-03-01T10:00:00.123456789Z": datetime(2026, 3, 1, 10, 0, 0, 123_456, UTC),
        " 2026-03-01T10:00:00Z\n": datetime(2026, 3, 1, 10, tzinfo=UTC),
    }
    for text, time in times.items():
        yield _sale(f"the time {text!r}", with_(occurred_at=text), occurred_at=time)


def _good_amounts() -> Iterator[Good]:
    amounts = {
        "0": "0.00", "7": "7.00", "7.5": "7.50", "-7.05": "-7.05", "007.50": "7.50", " 1.00 ": "1.00", "-0.00": "0.00",
        "9999999999999999.99": "9999999999999999.99", "-9999999999999999.99": "-9999999999999999.99",
    }  # fmt: skip
    for text, amount in amounts.items():
        yield _sale(f"the amount {text!r}", with_(amount=text), amount=Decimal(amount))


def _good_texts() -> Iterator[Good]:
    yield _sale("trimmed", with_(city=" \t\r\nBerlin\n"), city="Berlin")
    yield _sale("composed", with_(city="Ko\u0308ln"), city="K\u00f6ln")
    yield _sale("composed of three", with_(city="\u1112\u1161\u11ab"), city="\ud55c")
    yield _sale("another letter's form", with_(city="\u212bs"), city="\u00c5s")
    yield _sale("compatible forms are kept", with_(city="\ufb01 \u2460"), city="\ufb01 \u2460")
    yield _sale("the longest", with_(city="x" * 200), city="x" * 200)
    yield _sale("the longest, of two units each", with_(city="😀" * 200), city="😀" * 200)
    yield _sale("the longest, once composed", with_(city="o\u0308" * 200), city="\u00f6" * 200)
    yield _sale("other spaces are kept", with_(city="\u00a0Berlin\u2003"), city="\u00a0Berlin\u2003")
    yield _sale("a line separator", with_(city="a\u2028b\u0085c"), city="a\u2028b\u0085c")
    yield _sale("quotes and backslashes", with_(city='"\\/'), city='"\\/')
    yield _sale("SQL", with_(city="'; DROP TABLE sales; --"), city="'; DROP TABLE sales; --")
    yield _sale("escaped", with_().replace(b"Berlin", rb"\u0042erlin \ud83d\ude00"), city="Berlin 😀")
    yield _sale("half of a pair", with_().replace(b"Berlin", rb"\ud83d!"), city="?!")
    yield _sale("no salesman's name", with_(salesman=...), salesman=None)
    yield _sale("a salesman's name of null", with_(salesman=None), salesman=None)


def _good_shapes() -> Iterator[Good]:
    yield _sale("white space around", b"\n\t " + with_() + b" \r\n")
    yield _sale("unknown fields", with_(colour="red", basket=[1, {"a": None}], x=1e308, y=-0.0))
    yield _sale("an unknown number of 1000 digits", with_()[:-1] + b', "x": ' + b"9" * 1000 + b"}")
    yield _sale("an unknown number that no float holds", with_()[:-1] + b', "x": -1.5E+999999999}')
    yield _sale("an unknown long text", with_(x="x" * 100_000))
    yield _sale("unknown fields, nested", with_()[:-1] + b', "x": ' + b"[" * 63 + b"]" * 63 + b"}")
    yield _sale("brackets in text", with_()[:-1] + b', "x": "' + b'[\\"' * 200 + b'"}')
    yield _sale("an empty name", with_(**{"": "x"}))
    yield _sale("the same name in different objects", with_(x={"city": 1}, y=[{"city": 2}, {"city": 3}]))
    yield _sale("deleted of false", with_(deleted=False))
    yield _sale("deleted of 'false'", with_(deleted="false"))
    yield _sale("deleted of null", with_(deleted=None))
    yield _sale("a field that is almost the deletion's", with_(__deleted="true"))
    yield Good("a mark", b'{"mark": "2026-03-01T10:00:00Z"}', Mark())
    yield Good("a mark of null", b'{"mark": null}', Mark())
    yield Good("a mark beside a sale", with_(mark="x"), Mark())


def _good_deletions() -> Iterator[Good]:
    gone = Deletion("till", "1")
    yield Good("a deletion", b'{"source": "till", "sale_id": "1", "deleted": true}', gone)
    yield Good("a deletion by text", b'{"source": "till", "sale_id": " 1 ", "deleted": "true"}', gone)
    yield Good("a deletion, whatever else is wrong", with_(deleted=True, amount=12, currency=None, city=""), gone)
    flat = b'{"sale_id": "1", "amount": null, "deleted": "true", "__op": "d", "source": "till"}'
    yield Good("a deletion as a database's connector writes it", flat, gone)
