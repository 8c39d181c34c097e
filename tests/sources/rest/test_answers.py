"""What a service says is taken exactly: no number becomes a float, and what is no record harms no other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runtime.errors import Retryable
from streaming.sources.mapping import Mapper
from streaming.sources.rest.json_text import JsonText, record
from streaming.sources.rest.paths import steps
from tests.sources.rest.service import Answer, HttpService, sale
from tests.sources.rest.world import World, defined, ids


@pytest.mark.parametrize(
    "amount",
    ["12.30", "0.1", "1234567890123456.78", "9007199254740993", "-0.05", "12", '"12.30"', "99999999999999.99"],
)
def test_an_amount_reaches_the_log_as_the_service_wrote_it(service: HttpService, amount: str) -> None:
    service.plan("/pages", Answer(f"[{sale(1, amount=amount)}]"), Answer("[]"))
    source = defined(service, "pages")
    (accepted,) = Mapper(source).map(World(source).read()).accepted
    assert f'"amount": "{amount.strip(chr(34))}"'.encode() in accepted.payload


@pytest.mark.parametrize("amount", ["1e2", "0.30000000000000004", "NaN", "1e999999999", "1" * 5000, "true", "[1]"])
def test_an_amount_that_is_none_is_quarantined_alone(service: HttpService, amount: str) -> None:
    service.plan("/pages", Answer(f"[{sale(1)}, {sale(2, amount=amount)}, {sale(3)}]"), Answer("[]"))
    source = defined(service, "pages")
    outcome = Mapper(source).map(World(source).read())
    assert len(outcome.accepted) == 3 - len(outcome.refused)
    if amount != "1e2":
        assert [(each.field, each.at) for each in outcome.refused] == [("amount", "record s2")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("7", "a number"),
        ("null", "null"),
        ('"text"', "a string"),
        ("[1, 2]", "an array"),
        ("true", "a boolean"),
        ('{"sale_id": "a", "sale_id": "b"}', "'sale_id' stands twice"),
        ('{"in": {"a": 1, "a": 1}}', "'a' stands twice"),
    ],
)
def test_a_record_of_a_wrong_shape_is_told_and_the_others_are_taken(service: HttpService, text: str, why: str) -> None:
    service.plan("/cursor", Answer(f'{{"data": {{"items": [{sale(1)}, {text} , {sale(3)}]}}}}'))
    first, wrong, last = World(defined(service)).read()
    assert ids([first, last]) == ["s1", "s3"]
    assert (wrong.fields, wrong.raw) == (None, text.encode())
    assert why in str(wrong.problem)
    assert wrong.at == f"{service.url}/cursor page 1 record 2"


def test_bytes_that_are_no_utf_8_harm_their_record_alone_and_are_kept(service: HttpService) -> None:
    bad = sale(2, city="Koeln").encode().replace(b"Koeln", b"K\xf6ln")
    service.plan("/pages", Answer(b"[" + sale(1).encode() + b"," + bad + b"]"), Answer("[]"))
    good, wrong = World(defined(service, "pages")).read()
    assert ids([good]) == ["s1"]
    assert wrong.raw == bad
    assert "not UTF-8" in str(wrong.problem)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json; charset=iso-8859-1", f"[{sale(1)}]".encode("latin-1")),
        ("application/json;charset=UTF-8", b"\xef\xbb\xbf" + f"[{sale(1)}]".encode()),
        ("application/vnd.till+json", f"[{sale(1)}]".encode()),
    ],
)
def test_types_and_charsets_that_are_right(service: HttpService, kind: str, body: bytes) -> None:
    service.plan("/pages", Answer(body, kind=kind), Answer("[]"))
    (row,) = World(defined(service, "pages")).read()
    assert row.fields is not None and row.fields["city"] == "Köln"


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("text/html", b"[]", "of another type.*text/html"),
        ("", b"[]", "of another type.*no Content-Type"),
        ("application/json; charset=klingon", b"[]", "charset is not known"),
        ("application/json; charset=ascii", "[ö]".encode(), "not in its charset"),
        ("application/json", b"", "no complete JSON.*ends after 0"),
        ("application/json", b'{"data": {"items": [{"a": 1}, {"a"', "no complete JSON"),
        ("application/json", b'{"data": {"items": [{"a": 1} {"a": 2}]}}', "a comma is missing"),
        ("application/json", b'{"data": {"items": [1]}} x', "behind the answer's JSON"),
        ("application/json", b'{"data": {"items": [1],}}', "a name is missing"),
        ("application/json", b'{"data" {"items": [1]}}', "a colon is missing"),
        ("application/json", b'{"data": {"items": {"a": 1}}}', "no array of records at /data/items.*an object"),
        ("application/json", b'{"data": {"items": 5}}', "no array of records.*a number"),
        ("application/json", b'{"data": {"rows": []}}', "no array of records.*nothing"),
        ("application/json", b'{"data": {"items": [1], "items": [2]}}', "stand there twice"),
        ("application/json", b'{"data": {"items": [' + b"[" * 100_000, "nested too deep"),
        ("application/json", b"[" * 100_000, "nested too deep"),
        ("application/json", b'{"data": {"items": []}, "meta": {"next": true}}', "does not tell the next page"),
        ("application/json", b'{"data": {"items": []}, "meta": {"next": {"a": 1}}}', "does not tell the next page"),
    ],
)
def test_an_answer_that_cannot_be_read_is_told_and_nothing_of_it_is_taken(
    service: HttpService, kind: str, body: bytes, why: str
) -> None:
    world = World(defined(service))
    world.read(kill_at=2)
    service.plan("/cursor", Answer(body, kind=kind))
    with pytest.raises(Retryable, match=why):
        world.read()
    world.read()
    assert ids(world.rows) == [f"s{number}" for number in range(1, 11)]


def test_another_type_can_be_allowed(service: HttpService) -> None:
    service.plan("/pages", Answer(f"[{sale(1)}]", kind="text/plain"), Answer("[]", kind="text/plain"))
    assert ids(World(defined(service, "pages", content_types=["text/plain"])).read()) == ["s1"]


@pytest.mark.parametrize(
    ("text", "path", "records"),
    [
        ("[1, 2]", "", ["1", "2"]),
        (' { "a" : [ 1 ,\n{"b": "]"} ] , "c" : {} } ', "a", ["1", '{"b": "]"}']),
        ('{"a.b": {"~": {"/": [3]}}}', "/a.b/~0/~1", ["3"]),
        ('[{"x": 0}, {"rows": [4]}]', "/1/rows", ["4"]),
        ('{"a": null}', "a", []),
        ('{"\\u0061": [5]}', "a", ["5"]),
    ],
)
def test_records_are_found_by_their_path_and_keep_their_text(text: str, path: str, records: list[str]) -> None:
    assert list(JsonText(text, steps(path)).records()) == records


def test_values_that_paging_needs_are_found_before_and_behind_the_records() -> None:
    text = '{"n": 12345678901234567890.10, "rows": [1], "m": {"x": [true, "on"]}}'
    found = JsonText(text, ("rows",), [("n",), ("m", "x", "1"), ("none",)]).values
    assert found == {("n",): "12345678901234567890.10", ("m", "x", "1"): "on"}


@pytest.mark.parametrize(
    ("text", "value"), [("1.10", Decimal("1.10")), ("7", 7), ("1E400", Decimal("1E+400")), ("-1e99999", "-1e99999")]
)
def test_numbers_are_exact(text: str, value: Any) -> None:
    found = record(f'{{"a": {text}}}')["a"]
    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)


@pytest.mark.parametrize("path", ["a..b", ".a", "/a~2", "a."])
def test_a_path_that_is_none_is_refused(service: HttpService, path: str) -> None:
    with pytest.raises(ValueError, match="records"):
        defined(service, records=path)
