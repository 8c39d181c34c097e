"""What operators look at and do: freshness, versions with their certificates, drift, quarantine, lineage, audit."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from runtime.errors import Retryable
from serving.found import Kept
from serving.http import reference, reference_file
from serving.keys import key_hash
from serving.ports import ApiKey
from serving.records import DriftRow, DriftSum, LedgerRow, Position, Published, Refused
from serving.stores.operations import CommandLineage
from tests.serving.test_http import problem
from tests.serving.world import NOW, Caller, Doubles, publication, standing

OPERATOR = "tl_a-key-that-may-operate"
BEGUN = datetime(2026, 3, 31, 0, 5, tzinfo=UTC)


def refused(number: int) -> Refused:
    return Refused(
        id=f"events.rest/0/{number}", source="web", sale_id="7", hops=("stream",), topic="events.rest", at="row 3",
        log_time=NOW, field="amount", reason="not a decimal", key="k", payload="{}", first_seen=NOW, last_seen=NOW,
        times=1, state="open",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def filled(doubles: Doubles) -> None:
    hashed = key_hash(OPERATOR)
    doubles.keys.known[hashed] = ApiKey("tl_operator", hashed, ("read", "operate"))
    versions = [publication(number, NOW - timedelta(days=4 - number)) for number in (1, 2, 3)]
    doubles.records.published = [Published(each, 1) for each in versions]
    doubles.deltas.standings = standing(versions[-1])
    doubles.ledger.ledger[3] = LedgerRow(3, NOW, (1, 2, 3), "published", BEGUN, BEGUN, {"records": 12}, None)
    rows = tuple(
        DriftRow(TOP_SALES_PER_CITY.name, date(2026, 3, day), "EUR", ("Germany", "Berlin"), Decimal("1.00"),
                 Decimal("2.00"), 1, 2, "late")
        for day in (28, 29, 30)
    )  # fmt: skip
    doubles.records.rows[3] = rows
    doubles.records.sums[3] = (DriftSum(TOP_SALES_PER_CITY.name, "EUR", "late", 3, Decimal("3.00"), 3),)
    doubles.records.quarantine = [refused(number) for number in range(5)]
    doubles.records.progress = [
        Position("live", "cdc.public.sales", part, 10, 12, NOW - timedelta(seconds=2), NOW) for part in (0, 1)
    ]


@pytest.fixture
def operator(caller: Caller) -> Caller:
    return Caller(caller.client, OPERATOR)


def pages(caller: Caller, path: str, **parameters: str) -> list[Any]:
    """The lines of all pages of a list."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = caller.get(path, **parameters, **cursor).json
        found += page["data"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_freshness_by_partition(caller: Caller) -> None:
    given = caller.get("/v1/freshness").json
    assert [(each["partition"], each["lag_records"], each["lag_seconds"]) for each in given["data"]] == [
        (0, 2, 2.0),
        (1, 2, 2.0),
    ]
    assert {each["topic"] for each in given["topics"]} >= {"cdc.public.sales"}


def test_versions_and_their_certificates(caller: Caller) -> None:
    lines = pages(caller, "/v1/publications", limit="2")
    assert [(each["version"], each["current"]) for each in lines] == [(3, True), (2, False), (1, False)]
    given = caller.get(lines[0]["href"]).json
    assert (given["certificate"], given["status"], given["base_version"]) == ({"records": 12}, "published", 2)
    assert caller.get(lines[1]["href"]).json["certificate"] is None
    problem(caller.get("/v1/publications/9"), 404)


def test_drift_of_the_current_version_or_another(caller: Caller) -> None:
    assert [each["business_day"] for each in pages(caller, "/v1/drift", limit="2")] == [
        "2026-03-28", "2026-03-29", "2026-03-30",
    ]  # fmt: skip
    given = caller.get("/v1/drift").json
    assert given["summary"][0]["amount"] == "3.00"
    assert given["data"][0]["subject"] == {"country": "Germany", "city": "Berlin"}
    assert caller.get("/v1/drift", version="1").json["data"] == []
    problem(caller.get("/v1/drift", version="9"), 404)
    problem(caller.get("/v1/drift", ranking="top-x"), 404)


def test_drift_that_care_has_dropped_is_not_told_to_be_none(doubles: Doubles, caller: Caller) -> None:
    doubles.records.rows.pop(1, None)
    doubles.records.left = Kept(3, frozenset({2, 3}), NOW)
    gone = problem(caller.get("/v1/drift", version="1"), 410)
    assert (gone["type"], "drift of version 1" in gone["detail"]) == ("urn:tidelake:problem:version-not-kept", True)
    assert caller.get("/v1/drift").json["version"] == 3


def test_drift_whose_cause_has_been_named_is_told_to_who_had_it_before(doubles: Doubles, caller: Caller) -> None:
    had = {"If-None-Match": caller.get("/v1/drift").headers["ETag"]}
    again = replace(caller, headers=had)
    assert again.get("/v1/drift").status_code == 304
    first, *others = doubles.records.rows[3]
    doubles.records.rows[3] = (replace(first, cause="a late record"), *others)
    assert again.get("/v1/drift").json["data"][0]["cause"] == "a late record"


@pytest.mark.parametrize("path", ["/v1/freshness", "/v1/publications", "/v1/quarantine", "/v1/audit", "/v1/drift"])
def test_lists_come_as_csv_and_arrow_too(operator: Caller, path: str) -> None:
    post(operator, "/v1/quarantine/events.rest/0/3/replay")
    document = operator.get(path).json["data"]
    assert document
    operator.headers = {"Accept": "text/csv"}
    rows = list(csv.DictReader(io.StringIO(operator.get(path).text)))
    operator.headers = {"Accept": "application/vnd.apache.arrow.stream"}
    cells = pa.ipc.open_stream(operator.get(path).data).read_all().to_pylist()
    for line, row, cell in zip(document, rows, cells, strict=True):
        assert row.keys() == cell.keys() == line.keys()
        plain = {name: value for name, value in line.items() if not isinstance(value, list | dict)}
        assert {name: row[name] for name in plain} == {name: _text(value) for name, value in plain.items()}
        assert {name: _text(cell[name]) for name in plain} == {name: _text(value) for name, value in plain.items()}
        assert all(row[name] == " ".join(map(str, value)) for name, value in line.items() if isinstance(value, list))
    operator.headers = {"Accept": "application/xml"}
    problem(operator.get(path), 406)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def test_quarantine_in_pages(caller: Caller) -> None:
    assert [each["id"][-1] for each in pages(caller, "/v1/quarantine", limit="2")] == list("01234")
    assert pages(caller, "/v1/quarantine", topic="events.soap") == []
    assert pages(caller, "/v1/quarantine", state="replayed") == []


@pytest.mark.parametrize("ranking", [each.name for each in RANKINGS])
def test_lineage_names_the_sources(caller: Caller, ranking: str) -> None:
    given = caller.get(f"/v1/lineage/{ranking}").json
    assert {"kafka", "iceberg", "clickhouse"} <= {each["platform"] for each in given["datasets"]}
    problem(caller.get("/v1/lineage/top-x"), 404)


def test_lineage_shows_a_source_once_it_is_defined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    lineage = CommandLineage(60, tmp_path / "sources")
    first = lineage.of(TOP_SALES_PER_CITY.name)
    assert lineage.of(TOP_SALES_PER_CITY.name) is first
    (tmp_path / "sources").mkdir(exist_ok=True)
    (tmp_path / "sources" / "drops.yaml").write_text("{name: drops, kind: files, folder: /srv/drops}")
    assert "/srv/drops" not in json.dumps(first)
    assert "/srv/drops" in json.dumps(lineage.of(TOP_SALES_PER_CITY.name))


def post(caller: Caller, path: str) -> Any:
    return caller.client.post(path, headers={"Authorization": f"Bearer {caller.key}", "X-Request-ID": "r1"})


def test_operations_are_done_and_audited(doubles: Doubles, operator: Caller) -> None:
    assert post(operator, "/v1/publications/2/publish").json["said"] == "publish 2"
    assert (
        post(operator, "/v1/quarantine/events.rest/0/3/replay").json["said"] == "replay events.rest/0/3 by tl_operator"
    )
    discarded = post(operator, "/v1/quarantine/events.rest/0/4/discard?why=a%20test").json
    assert discarded["said"] == "discard events.rest/0/4 by tl_operator: a test"
    lines = pages(operator, "/v1/audit")
    assert [(each["action"], each["target"], each["outcome"]) for each in lines] == [
        ("quarantine.discard", "events.rest/0/4", "done"),
        ("quarantine.discard", "events.rest/0/4", "begun"),
        ("quarantine.replay", "events.rest/0/3", "done"),
        ("quarantine.replay", "events.rest/0/3", "begun"),
        ("publications.publish", "2", "done"),
        ("publications.publish", "2", "begun"),
    ]
    assert {(each["who"], each["request_id"]) for each in lines} == {("tl_operator", "r1")}


def test_operations_that_fail_are_told_and_audited(doubles: Doubles, operator: Caller) -> None:
    doubles.operations.failure = Retryable("another reconciliation is running")
    assert "another reconciliation" in problem(post(operator, "/v1/publications/2/publish"), 409)["detail"]
    assert doubles.ledger.calls[-1].outcome == "failed"


def test_what_is_not_there_is_not_operated_on(doubles: Doubles, operator: Caller) -> None:
    problem(post(operator, "/v1/publications/9/publish"), 404)
    problem(post(operator, "/v1/quarantine/events.rest/0/77/replay"), 404)
    problem(post(operator, "/v1/quarantine/events.rest/0/4/discard"), 400)
    assert doubles.operations.asked == []


def test_without_an_audit_log_nothing_is_done(doubles: Doubles, operator: Caller) -> None:
    doubles.ledger.switch.away = True
    problem(post(operator, "/v1/publications/2/publish"), 503)
    assert doubles.operations.asked == []


def test_an_answer_waits_for_the_position_that_its_caller_wrote(doubles: Doubles, caller: Caller) -> None:
    path = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"
    assert caller.get(path, min_position="cdc.public.sales/1/9").status_code == 200
    assert caller.get(path, min_position="2026-03-31T11:59:57Z").status_code == 200
    for text in ("cdc.public.sales/1", "x/y/z", "2026-03-31T12:00:00", "-1"):
        (error,) = problem(caller.get(path, min_position=text), 400)["errors"]
        assert error["parameter"] == "min_position"
    problem(caller.get(path, min_position="cdc.public.sales/1/9", view="reconciled"), 400)


def test_the_reference_allows_the_positions_that_the_api_takes(caller: Caller) -> None:
    path = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"
    described = json.loads(caller.client.get("/openapi.json").text)["paths"]["/v1/rankings/{name}"]["get"]["parameters"]
    (schema,) = [each["schema"] for each in described if each["name"] == "min_position"]
    kinds = schema["anyOf"]
    times = ("2026-03-31T11:59:57Z", "2026-03-31T11:59:57.250Z", "2026-03-31T13:59:57+02:00")
    for text in ("cdc.public.sales/1/9", *times):
        assert caller.get(path, min_position=text).status_code == 200
        assert any(re.search(each["pattern"], text) for each in kinds), text
    for text in ("cdc.public.sales/1", "2026-03-31T12:00:00", "2026-03-31", "-1"):
        assert caller.get(path, min_position=text).status_code == 400
        assert not any(re.search(each["pattern"], text) for each in kinds), text


def test_a_position_that_does_not_come_is_told(
    doubles: Doubles, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.positions.time.sleep", lambda _seconds: None)
    monkeypatch.setattr("serving.positions.time.monotonic", iter(range(0, 100, 3)).__next__)
    path = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"
    for text in ("cdc.public.sales/1/10", "no.such.topic/0/0", "2026-03-31T12:00:00Z"):
        assert text in problem(caller.get(path, min_position=text), 412)["detail"]


def test_the_reference_names_every_route_and_its_page_loads_nothing_from_elsewhere(caller: Caller) -> None:
    document = json.loads(caller.client.get("/openapi.json").text)
    assert document["openapi"].startswith("3.1")
    routes = {
        (rule.rule.replace("<int:", "{").replace("<path:", "{").replace("<", "{").replace(">", "}"), method.lower())
        for rule in caller.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1")
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert routes <= described
    assert document == json.loads(json.dumps(reference.document(caller.client.application)))  # type: ignore[arg-type]
    assert document == json.loads(reference_file.FILE.read_text()), "run `python -m serving.http.reference_file`"
    page = caller.client.get("/docs")
    assert "http" not in page.text.replace("<!doctype html>", "")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    for asset in ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/static/docs.js"):
        assert caller.client.get(asset).status_code == 200
