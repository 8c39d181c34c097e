"""The contract takes every good record as it is, refuses every bad one with a reason, and never fails on any bytes."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rankings.contract import KEY_RULES, SALE_RULES, TRIMMED, Mark, Rejected, parse
from rankings.currencies import ISO_4217
from rankings.sale import Deletion, Sale
from tests.golden import payloads
from tests.golden.payloads import Bad, Good

FIELDS = [rule.field for rule in (*KEY_RULES, *SALE_RULES)]


@pytest.mark.parametrize("bad", payloads.bad(), ids=lambda bad: bad.name)
def test_a_bad_payload_is_refused_with_field_and_reason(bad: Bad) -> None:
    said = parse(bad.payload)
    assert isinstance(said, Rejected)
    assert (said.field, said.reason[: len(bad.reason)]) == (bad.field, bad.reason)
    assert "valid: " in said.reason


@pytest.mark.parametrize("good", payloads.good(), ids=lambda good: good.name)
def test_an_unusual_payload_is_taken(good: Good) -> None:
    assert parse(good.payload) == good.says


def test_the_names_of_the_payloads_are_unique() -> None:
    names = [bad.name for bad in payloads.bad()] + [good.name for good in payloads.good()]
    assert len(names) == len(set(names))
    assert len(payloads.bad()) > 200


CONTROL = [chr(n) for n in (*range(32), 127)]
TEXTS = (
    st.text(st.characters(codec="utf-8", exclude_characters=CONTROL), min_size=1)
    .map(lambda text: unicodedata.normalize("NFC", text.strip(TRIMMED)))
    .filter(lambda text: 0 < len(text) <= 200 and text == unicodedata.normalize("NFC", text.strip(TRIMMED)))
)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31, 23, 59, 59), timezones=st.just(UTC))
CENTS = st.integers(-(10**18) + 1, 10**18 - 1)
SALES = st.builds(
    Sale,
    source=TEXTS,
    sale_id=TEXTS,
    occurred_at=TIMES,
    country=TEXTS,
    city=TEXTS,
    salesman_id=TEXTS,
    salesman=st.none() | TEXTS,
    amount=CENTS.map(lambda cents: Decimal(cents).scaleb(-2)),
    currency=st.sampled_from(sorted(ISO_4217)),
)


def rendered(sale: Sale, *, ascii_only: bool = False) -> bytes:
    """A sale as a source would write it."""
    fields = {name: getattr(sale, name) for name in FIELDS}
    fields["occurred_at"] = sale.occurred_at.isoformat().replace("+00:00", "Z")
    fields["amount"] = format(sale.amount, "f")
    return json.dumps(fields, ensure_ascii=ascii_only).encode()


@given(SALES, st.booleans())
def test_a_rendered_sale_is_parsed_back_as_it_was(sale: Sale, ascii_only: bool) -> None:
    assert parse(rendered(sale, ascii_only=ascii_only)) == sale


@given(st.binary() | st.none())
@example(b"\xff\xfe")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
def test_no_bytes_make_it_fail(payload: bytes | None) -> None:
    said = parse(payload)
    assert isinstance(said, Sale | Deletion | Mark | Rejected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["true", "1.00", "EUR"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, "deleted", "__deleted", "mark"]), JSON))
def test_no_values_of_known_fields_make_it_fail(fields: dict[str, object]) -> None:
    said = parse(json.dumps(fields).encode())
    if isinstance(said, Rejected):
        assert said.field is None or said.reason.startswith(f"{said.field}: ")
        assert "valid: " in said.reason


@given(SALES, st.data())
def test_a_damaged_payload_is_refused_or_says_something_valid(sale: Sale, data: st.DataObject) -> None:
    payload = bytearray(rendered(sale))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    said = parse(bytes(payload))
    if isinstance(said, Sale):
        assert parse(rendered(said)) == said


@given(SALES)
def test_what_is_taken_is_normal(sale: Sale) -> None:
    spaced = {name: f" {value}\n" for name, value in json.loads(rendered(sale)).items() if value is not None}
    said = parse(json.dumps({name: unicodedata.normalize("NFD", value) for name, value in spaced.items()}).encode())
    assert said == sale or isinstance(said, Rejected)
    if isinstance(said, Rejected):
        assert any(len(unicodedata.normalize("NFC", value).strip(TRIMMED)) > 200 for value in spaced.values())
