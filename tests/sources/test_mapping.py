"""Records of a source become sales by its definition; one that does not is refused with a reason and harms no other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from runtime.errors import Permanent
from streaming.sources.catalogue import DEFINITION
from streaming.sources.definition import Source
from streaming.sources.mapping import Mapper, Outcome
from streaming.sources.records import Row

PLAIN = {
    "sale_id": "7",
    "occurred_at": "2026-03-01T10:00:00Z",
    "country": "Germany",
    "city": "Köln",
    "salesman_id": "DE-1",
    "amount": "10.50",
    "currency": "EUR",
}


def source(**fields: Any) -> Source:
    return DEFINITION.validate_python({"name": "till", "kind": "files", "folder": "/drop", "fields": fields})


def mapped(rows: list[dict[str, Any]], **fields: Any) -> Outcome:
    return Mapper(source(**fields)).map([Row(f"line {n}", row, b"raw %d" % n) for n, row in enumerate(rows, 1)])


def payload(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    outcome = mapped([row], **fields)
    assert outcome.refused == []
    told: dict[str, Any] = json.loads(outcome.accepted[0].payload)
    return told


def reason(row: dict[str, Any], **fields: Any) -> tuple[str, str]:
    outcome = mapped([row], **fields)
    assert outcome.accepted == []
    return outcome.refused[0].field, outcome.refused[0].reason


def test_fields_of_the_same_name_need_no_word() -> None:
    outcome = mapped([PLAIN])
    assert outcome.accepted[0].key == b'["till", "7"]'
    assert json.loads(outcome.accepted[0].payload) == {"source": "till", **PLAIN}


def test_fields_are_renamed_out_of_nested_ones_too() -> None:
    row = {**PLAIN, "city": None, "place": {"town": "Bonn"}}
    assert payload(row, city="place.town")["city"] == "Bonn"


def test_a_record_cannot_name_another_source() -> None:
    assert payload({**PLAIN, "source": "shop"})["source"] == "till"


def test_a_constant_is_the_same_for_every_record() -> None:
    assert payload({**PLAIN, "currency": "PLN"}, currency={"constant": "EUR"})["currency"] == "EUR"


@pytest.mark.parametrize(
    ("cast", "came", "told"),
    [
        ("timestamptz", "2026-03-01 12:00:00.25+02", "2026-03-01T10:00:00.250000Z"),
        ("timestamp", "2026-03-01 10:00:00", "2026-03-01T10:00:00.000000Z"),
        ("date", "2026-03-01", "2026-03-01T00:00:00Z"),
    ],
)
def test_times_are_cast_into_utc(cast: str, came: str, told: str) -> None:
    assert (
        payload({**PLAIN, "occurred_at": came}, occurred_at={"field": "occurred_at", "cast": cast})["occurred_at"]
        == told
    )


def test_sql_computes_exactly() -> None:
    row = {**PLAIN, "price": Decimal("0.10"), "count": 3, "amount": None}
    sql = "CAST(price AS DECIMAL(18, 2)) * CAST(count AS INTEGER)"
    assert payload(row, amount={"sql": sql, "cast": "decimal(18,2)"})["amount"] == "0.30"


def test_a_cast_never_rounds_money_away() -> None:
    field, why = reason({**PLAIN, "amount": "10.505"}, amount={"field": "amount", "cast": "decimal(18,2)"})
    assert (field, why) == ("amount", "amount: received '10.505', valid: at most two decimals; round it in SQL")
    assert (
        payload({**PLAIN, "amount": "10.5000"}, amount={"field": "amount", "cast": "decimal(18,2)"})["amount"]
        == "10.50"
    )


def test_values_of_every_type_become_exact_text() -> None:
    row = {**PLAIN, "sale_id": 7, "amount": Decimal("1E+2"), "occurred_at": datetime(2026, 3, 1, tzinfo=UTC)}
    told = payload(row)
    assert (told["sale_id"], told["amount"], told["occurred_at"]) == ("7", "100", "2026-03-01T00:00:00Z")
    assert reason({**PLAIN, "occurred_at": datetime(2026, 3, 1)})[0] == "occurred_at"
    assert reason({**PLAIN, "occurred_at": date(2026, 3, 1)})[0] == "occurred_at"
    assert reason({**PLAIN, "amount": 0.1 + 0.2})[0] == "amount"


def test_one_bad_record_harms_no_other() -> None:
    rows = [{**PLAIN, "sale_id": str(n), "amount": "x" if n % 3 == 0 else "2"} for n in range(1, 10)]
    outcome = mapped(rows, amount={"sql": "CAST(amount AS INTEGER) * 2"})
    assert [json.loads(each.payload)["sale_id"] for each in outcome.accepted] == ["1", "2", "4", "5", "7", "8"]
    assert [each.at for each in outcome.refused] == ["line 3", "line 6", "line 9"]
    assert all("Could not convert string 'x'" in each.reason or '"x"' in each.reason for each in outcome.refused)
    assert outcome.refused[0].raw == b"raw 3"


def test_what_cannot_be_read_is_refused_as_a_whole() -> None:
    outcome = Mapper(source()).map([Row("line 1", None, b"\xff", "not UTF-8")])
    assert [(each.field, each.reason, each.raw) for each in outcome.refused] == [("", "not UTF-8", b"\xff")]


def test_a_deletion_needs_its_key_alone() -> None:
    told = payload(
        {"sale_id": "7", "gone": "yes"},
        deleted={"sql": "gone = 'yes'"},
        amount={"sql": "100 / CAST(amount AS INTEGER)"},
    )
    assert told == {"source": "till", "sale_id": "7", "deleted": "true"}


@pytest.mark.parametrize(
    "sql",
    [
        *("sum(amount)", "(SELECT 1)", "random()", "now()", "a b c", "1; SELECT 2", "*"),
        *("row_number() OVER ()", "read_csv('/etc/passwd')", "nosuch(amount)", ""),
    ],
)
def test_an_expression_sees_one_record_alone(sql: str) -> None:
    with pytest.raises(Permanent, match="the expression of amount is not valid"):
        Mapper(source(amount={"sql": sql}))
