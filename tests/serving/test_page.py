"""The page shows everything without JavaScript, tells errors as a page, and lets nothing in from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import tarfile
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import Retryable
from serving.found import SourceFares
from serving.http.authorization import COOKIE
from serving.keys import key_hash
from serving.page.formats import grouped
from serving.ports import ApiKey
from serving.records import (
    DeltaPart,
    Happened,
    LedgerRow,
    NightEnd,
    Published,
    Reconciliation,
    RunEnd,
    SaleChange,
)
from tests.serving.conftest import KEY
from tests.serving.test_operation import refused
from tests.serving.test_routes import CITY, fill
from tests.serving.world import NOW, Caller, Change, Doubles, history, sale

VENDOR = Path(__file__).parents[2] / "serving" / "page" / "static" / "vendor"
ORIGIN = {"Origin": "http://localhost"}
OPERATOR = "tl_op"


@pytest.fixture(autouse=True)
def changes(doubles: Doubles) -> list[Change]:
    doubles.keys.known[key_hash(OPERATOR)] = ApiKey("tl_op", key_hash(OPERATOR), ("read", "operate"))
    odd = replace(sale("odd", city="<b>&\"'City"), amount=sale().amount * 10**6)
    found = history(7)
    return fill(doubles, [(found[0][0], odd), *found])


@pytest.fixture
def browser(caller: Caller) -> Any:
    """A browser that has logged in."""
    caller.client.set_cookie(COOKIE, KEY)
    return caller.client


@pytest.fixture
def operator(caller: Caller) -> Any:
    caller.client.set_cookie(COOKIE, OPERATOR)
    return caller.client


def test_the_sales_behind_live_changes_say_what_happened_to_them(doubles: Doubles, browser: Any) -> None:
    doubles.records.deltas = (DeltaPart(NOW, date(2026, 3, 30), Decimal("-3.00"), -1, 2),)
    one = sale("gone away")
    seen = {**asdict(one), "topic": "events.rest", "partition": 1, "offset": 2, "log_time": NOW}
    doubles.lake.newest = (
        SaleChange(**seen, happened=Happened.MOVED_AWAY, amount_change=-one.amount, sales_change=-1),
        SaleChange(**seen, happened=Happened.CHANGED, amount_change=Decimal("7.00"), sales_change=0),
        SaleChange(**seen, happened=None, amount_change=None, sales_change=None),
    )
    text = browser.get(f"/why/{CITY}?country=Germany&city=Berlin").text
    rows = re.findall(r"<tr>(?:(?!</tr>).)*gone away.*?</tr>", text)
    assert [re.findall(r"(?<![:0-9])-?[0-9]+\.[0-9]{2}\b", row) for row in rows] == [
        ["-10.00"],
        ["7.00", "10.00"],
        ["10.00"],
    ]
    assert ["moved away" in row for row in rows] == [True, False, False]
    assert "changed to 10.00" in rows[1]
    assert "not known" in rows[2]


def test_who_has_no_key_is_led_to_the_door(caller: Caller) -> None:
    for path in ("/", "/publications", "/drift", "/quarantine", f"/why/{CITY}"):
        response = caller.client.get(path)
        assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert "API key" in caller.client.get("/login").text


def test_the_door_takes_a_key_from_its_own_page_alone(caller: Caller) -> None:
    assert caller.client.post("/login", data={"key": "tl_wrong"}, headers=ORIGIN).status_code == 401
    assert caller.client.post("/login", data={"key": KEY}, headers={"Origin": "https://evil"}).status_code == 401
    entered = caller.client.post("/login", data={"key": KEY}, headers=ORIGIN)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/")
    assert all(each in entered.headers["Set-Cookie"] for each in ("HttpOnly", "SameSite=Strict"))
    assert caller.client.get("/").status_code == 200
    caller.client.post("/logout")
    assert caller.client.get("/").status_code == 303


def test_the_tables_are_the_answers(caller: Caller, browser: Any) -> None:
    text = browser.get("/", query_string={"currency": "EUR", "limit": "3", "country": ""}).text
    for name in ("top-sales-per-city", "top-salesman-in-country"):
        given = caller.answer(name, limit="3")
        for line in given["data"]:
            assert f">{grouped(line['amount'])}</a>" in text
        assert given["evidence"]["boundary"] in text
    assert html.escape("<b>&\"'City", quote=False).replace('"', "&#34;").replace("'", "&#39;") in text
    assert "<b>&" not in text


def test_each_number_leads_to_what_it_is_made_of(browser: Any) -> None:
    links = re.findall(r'href="(/why/[^"]+)"', browser.get("/").text)
    assert len(links) > 10
    for link in links:
        response = browser.get(html.unescape(link))
        if "country=&" not in html.unescape(link):
            assert response.status_code == 200, link
            assert "Why this number" in response.text


def test_wrong_filters_are_told_on_the_page(browser: Any) -> None:
    for parameters in ({"limit": "0"}, {"from": "x"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"currency": "XYZ"}):
        response = browser.get("/", query_string=parameters)
        assert response.status_code == 200
        assert "Not valid" in response.text
    assert browser.get("/drift?version=x").status_code == 400


def test_stores_that_are_away_are_told_on_the_page(doubles: Doubles, browser: Any) -> None:
    doubles.deltas.switch.away = doubles.records.switch.away = True
    doubles.totals.last = doubles.deltas.standings.publication
    assert "reconciled totals that PostgreSQL keeps" in browser.get("/").text
    doubles.totals.switch.away = True
    assert "Neither ClickHouse nor PostgreSQL gives figures" in browser.get("/?limit=9").text
    assert browser.get("/publications").status_code == 503


def test_each_source_says_how_it_fares(doubles: Doubles, browser: Any) -> None:
    stopped = SourceFares("branch-17", "rest", "events.rest", "stopped", "401 <Unauthorized>", NOW, NOW)
    doubles.deltas.standings = replace(doubles.deltas.standings, sources=(stopped,))
    text = browser.get("/").text
    for told in ("branch-17", "<span>stopped</span>", "401 &lt;Unauthorized&gt;"):
        assert told in text


@pytest.mark.parametrize("in_its_run", [False, True])
def test_a_night_that_came_to_nothing_is_told_once(doubles: Doubles, browser: Any, in_its_run: bool) -> None:
    night = NightEnd(NOW, (), "ClickHouse does <not> answer")
    run = RunEnd(2, NOW, "failed", night.reason) if in_its_run else None
    doubles.ledger.runs = Reconciliation(None, run, int(in_its_run), night, 1)
    text = browser.get("/").text
    assert ("The last night’s work came to nothing" in text) != in_its_run
    assert text.count("ClickHouse does &lt;not&gt; answer") == 1


def test_operators_publish_and_replay_from_the_page(doubles: Doubles, operator: Any) -> None:
    doubles.records.quarantine = [refused(1)]
    assert "Publish again" in operator.get("/publications").text
    assert operator.post("/publications/1/publish", headers=ORIGIN).status_code == 303
    action = re.search(r'action="(/quarantine/[^"]+)"', operator.get("/quarantine").text)
    assert action
    assert operator.post(html.unescape(action[1]), headers=ORIGIN).status_code == 303
    assert doubles.operations.asked == ["publish 1", "replay events.rest/0/1 by tl_op"]


def test_operators_discard_from_the_page_with_a_reason(doubles: Doubles, operator: Any) -> None:
    doubles.records.quarantine = [refused(1), replace(refused(2), state="replayed")]
    text = html.unescape(operator.get("/quarantine?state=all").text)
    assert re.findall(r'action="/quarantine/([^"]+)/discard"', text) == ["events.rest/0/1"]
    path = "/quarantine/events.rest/0/1/discard"
    for wrong in ({}, {"why": "  "}, {"why": "x" * 201}, {"why": "a test", "more": "x"}):
        assert "valid:" in post(operator, path, wrong, 400)
    assert "no such record" in post(operator, "/quarantine/events.rest/0/discard", {"why": "a test"}, 404)
    assert doubles.operations.asked == []
    given = operator.post(path, data={"why": "a test of <b>"}, headers=ORIGIN)
    assert given.status_code == 303
    assert "has been discarded" in operator.get(given.headers["Location"]).text
    assert doubles.operations.asked == ["discard events.rest/0/1 by tl_op: a test of <b>"]
    assert [(call.action, call.who, call.outcome) for call in doubles.ledger.calls] == [
        ("quarantine.discard", "tl_op", "begun"),
        ("quarantine.discard", "tl_op", "done"),
    ]


def post(browser: Any, path: str, form: dict[str, str], status: int) -> str:
    """What the page says to a form that is not accepted."""
    response = browser.post(path, data=form, headers=ORIGIN)
    assert response.status_code == status, response.text
    return str(response.text)


def test_an_operation_that_is_not_done_is_told_as_a_page(doubles: Doubles, operator: Any) -> None:
    doubles.records.quarantine = [refused(1)]
    doubles.operations.failure = Retryable("another replay is running")
    text = post(operator, "/quarantine/events.rest/0/1/replay", {}, 409)
    assert ">Another replay is running.<" in text
    assert 'href="/quarantine">Back to the list' in text
    doubles.operations.failure, asked = None, len(doubles.operations.asked)
    doubles.ledger.switch.away = True
    for path in ("/quarantine/events.rest/0/1/replay", "/publications/1/publish"):
        post(operator, path, {}, 503)
    post(operator, "/quarantine/events.rest/0/1/discard", {"why": "a test"}, 503)
    assert len(doubles.operations.asked) == asked


def test_a_reason_names_its_field_once(doubles: Doubles, browser: Any) -> None:
    doubles.records.quarantine = [replace(refused(1), reason="amount: received 'x', valid: a decimal")]
    text = html.unescape(browser.get("/quarantine").text)
    assert "<strong>amount</strong>: received 'x'" in text


def test_a_certificate_has_a_table_for_each_of_its_parts(doubles: Doubles, browser: Any) -> None:
    span = {"topic": "events.rest", "partition": 0, "first_offset": 3}
    certificate: dict[str, object] = {
        "records": 12,
        "drift": [],
        "snapshots": {"lake.gold.top_sales_per_city": 7},
        "partitions": [span, {**span, "partition": 1, "first_offset": None}],
    }
    doubles.ledger.ledger[1] = LedgerRow(1, NOW, (1,), "published", NOW, NOW, certificate, None)
    text = browser.get("/publications/1").text
    assert re.search(r">records</th><td[^>]*>12<", text)
    assert re.search(r">drift</th><td[^>]*>–<", text)
    assert re.search(r"<h2>snapshots</h2>.*?>lake\.gold\.top_sales_per_city</th><td[^>]*>7<", text, re.DOTALL)
    assert re.search(r"<h2>partitions</h2>.*?>topic</th><th[^>]*>partition</th><th[^>]*>first offset<", text, re.DOTALL)
    assert re.search(r">events\.rest</th><td[^>]*>0</td><td[^>]*>3</td></tr>", text)
    assert re.search(r">events\.rest</th><td[^>]*>1</td><td[^>]*>–</td></tr>", text)


def test_readers_and_other_sites_change_nothing(doubles: Doubles, caller: Caller, browser: Any) -> None:
    doubles.records.quarantine = [refused(1)]
    assert "Publish again" not in browser.get("/publications").text
    text = browser.get("/quarantine").text
    assert "Replay" not in text
    assert "Discard" not in text
    record = "/quarantine/events.rest/0/1"
    for path in ("/publications/1/publish", f"{record}/replay", f"{record}/discard"):
        for key, headers in ((KEY, ORIGIN), (OPERATOR, {}), (OPERATOR, {"Origin": "https://evil"})):
            caller.client.set_cookie(COOKIE, key)
            assert caller.client.post(path, data={"why": "a test"}, headers=headers).status_code == 403
    assert doubles.operations.asked == []


def test_pages_run_no_script_but_their_own_files(doubles: Doubles, browser: Any) -> None:
    doubles.records.published.append(Published(doubles.records.published[0].publication, 1))
    for path in ("/", "/login", "/publications", "/drift", "/quarantine"):
        response = browser.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "style=" not in response.text
        assert not re.search(r"\son[a-z]+=", response.text)
        assert not re.search(r"<script(?![^>]*src=)", response.text)
        for address in re.findall(r'(?:src|href)="([^"#]+)"', response.text):
            assert address.startswith("/")


def test_what_comes_from_npm_is_what_the_lock_says() -> None:
    """The committed file's bytes are those of the locked package; the registry is asked for the package itself."""
    import httpx

    lock = json.loads((VENDOR / "package-lock.json").read_text())["packages"]["node_modules/chart.js"]
    recorded = json.loads((VENDOR / "files.json").read_text())
    kept = (VENDOR / "chart.umd.min.js").read_bytes()
    assert recorded == {
        "package": f"chart.js@{lock['version']}",
        "integrity": lock["integrity"],
        "file": "dist/chart.umd.min.js",
        "sha256": hashlib.sha256(kept).hexdigest(),
    }
    try:
        packed = httpx.get(f"https://registry.npmjs.org/chart.js/-/chart.js-{lock['version']}.tgz", timeout=20).content
    except httpx.TransportError:
        pytest.skip("npm's registry cannot be reached: the file was compared with its recorded hash alone")
    assert lock["integrity"] == "sha512-" + base64.b64encode(hashlib.sha512(packed).digest()).decode()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.extractfile("package/dist/chart.umd.min.js")
        assert member is not None
        assert member.read() == kept
