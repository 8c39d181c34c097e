"""Over HTTP, whatever is wrong is said as problem+json: what was received, and what is valid."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.ranking import Ranking, Sum
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from tests.serving.conftest import KEY
from tests.serving.world import NOW, Caller, Clock, Doubles, deltas, sale, standing

PATH = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"


def problem(response: Any, status: int) -> dict[str, Any]:
    """The document of a problem that must come."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = response.json
    assert document["status"] == status
    assert document["type"].startswith("urn:tidelake:problem:")
    assert document["title"]
    assert document["request_id"] == response.headers["X-Request-ID"]
    return document


def test_the_list_names_every_ranking(caller: Caller) -> None:
    response = caller.get("/v1/rankings")
    assert [each["name"] for each in response.json["data"]] == [each.name for each in RANKINGS]
    assert all(caller.get(each["href"]).status_code == 200 for each in response.json["data"])


def test_another_ranking_needs_no_code_here(doubles: Doubles, clock: Clock) -> None:
    third = Ranking("top-cities-in-country", "Top cities in country", ("country", "city"), ("country",), Sum("amount"))
    doubles.deltas.live[third.name] = [row[:3] for row in deltas(third, [(NOW, sale())])]
    api = compose(Settings(), doubles.stores, clock, (*RANKINGS, third))
    caller = Caller(create_app(api).test_client(), KEY)
    assert caller.get("/v1/rankings").json["data"][-1]["href"] == f"/v1/rankings/{third.name}"
    assert caller.answer(third.name)["data"] == [
        {"rank": 1, "country": "Germany", "city": "Berlin", "amount": "10.00", "sales": 1}
    ]


def test_an_answer_repeats_the_question(caller: Caller) -> None:
    parameters = {"country": "Germany", "from": "2026-01-01", "to": "2026-01-31", "currency": "usd", "view": "live"}
    given = caller.answer(TOP_SALES_PER_CITY.name, **parameters)
    assert {name: given[name] for name in parameters} == {**parameters, "currency": "USD"}
    assert given["title"] == "Top sales per city"
    whole = caller.answer(TOP_SALES_PER_CITY.name)
    assert (whole["from"], whole["to"], whole["currency"], whole["view"], whole["limit"]) == (
        None,
        None,
        "EUR",
        "merged",
        10,
    )


@pytest.mark.parametrize(
    ("parameters", "parameter", "valid"),
    [
        ({"colour": "red"}, "colour", "country, from, to, currency, limit, view"),
        ({"first_day": "2026-01-01"}, "first_day", "country, from, to"),
        ({"from": "31.01.2026"}, "from", "2026-01-31"),
        ({"from": "20260131"}, "from", "2026-01-31"),
        ({"from": "2026-02-30"}, "from", "2026-01-31"),
        ({"to": "1767225600"}, "to", "2026-01-31"),
        ({"to": "1969-12-31"}, "to", "1970-01-01"),
        ({"to": "2026-01-31T00:00:00"}, "to", "2026-01-31"),
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from", "a day not after to, which is 2026-01-31"),
        ({"currency": "XYZ"}, "currency", "ISO 4217"),
        ({"currency": ""}, "currency", "ISO 4217"),
        ({"currency": "ıSK"}, "currency", "ISO 4217"),
        ({"limit": "0"}, "limit", "from 1 to 1000"),
        ({"limit": "1001"}, "limit", "from 1 to 1000"),
        ({"limit": "ten"}, "limit", "from 1 to 1000"),
        ({"limit": "1_0"}, "limit", "from 1 to 1000"),
        ({"limit": "10.0"}, "limit", "from 1 to 1000"),
        ({"limit": "٣"}, "limit", "from 1 to 1000"),
        ({"view": "past"}, "view", "merged, live or reconciled"),
        ({"country": ""}, "country", "a country's name"),
        ({"country": "a\nb"}, "country", "a country's name"),
        ({"country": "x" * 201}, "country", "a country's name"),
        ({"limit": ["1", "2"]}, "limit", "once at most"),
    ],
)
def test_each_wrong_parameter_is_told(caller: Caller, parameters: dict[str, Any], parameter: str, valid: str) -> None:
    document = problem(caller.get(PATH, **parameters), 400)
    (error,) = document["errors"]
    assert error["parameter"] == parameter
    assert error["received"] == parameters[parameter]
    assert valid in error["valid"]
    assert parameter in document["detail"]


def test_all_wrong_parameters_are_told_at_once(caller: Caller) -> None:
    document = problem(caller.get(PATH, limit="0", currency="XYZ", colour="red"), 400)
    assert {each["parameter"] for each in document["errors"]} == {"limit", "currency", "colour"}


def test_countries_are_compared_as_the_contract_keeps_them(doubles: Doubles, caller: Caller) -> None:
    given = caller.answer(TOP_SALES_PER_CITY.name, country="  O\u0308sterreich ")
    assert given["country"] == "Österreich"


def test_an_unknown_ranking_names_those_there_are(caller: Caller) -> None:
    document = problem(caller.get("/v1/rankings/top-x"), 404)
    assert document["received"] == "top-x"
    assert document["valid"] == [each.name for each in RANKINGS]


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1/rankings/", "/healthz/x", "/v1//rankings"])
def test_unknown_routes_are_problems(caller: Caller, path: str) -> None:
    assert "/v1/rankings" in problem(caller.get(path), 404)["detail"]


def test_methods_that_are_not_served_are_problems(caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {caller.key}"}
    response = caller.client.post(PATH, headers=headers)
    assert "received post, valid: get" in problem(response, 405)["detail"].lower()
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic dGw6eA==", "tl_a-key-that-may-read"])
def test_without_a_key_nothing_is_told(caller: Caller, header: str | None) -> None:
    for path in (PATH, "/v1/rankings", "/v1/nothing"):
        response = caller.client.get(path, headers={"Authorization": header} if header is not None else {})
        problem(response, 401)
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_key_is_refused(caller: Caller) -> None:
    for key in ("tl_wrong", "x" * 5000, "tl_ä"):
        response = caller.client.get(PATH, headers={"Authorization": f"bearer {key}"})
        problem(response, 401)
        assert "invalid_token" in response.headers["WWW-Authenticate"]


def test_a_key_without_the_scope_may_not_read(doubles: Doubles, caller: Caller) -> None:
    doubles.keys.known[key_hash("tl_other")] = ApiKey("tl_other", key_hash("tl_other"), ("write",))
    response = caller.client.get(PATH, headers={"Authorization": "Bearer tl_other"})
    assert "'read'" in problem(response, 403)["detail"]
    assert "insufficient_scope" in response.headers["WWW-Authenticate"]


def test_without_a_default_currency_callers_must_name_one(doubles: Doubles, clock: Clock) -> None:
    api = compose(Settings(default_currency=""), doubles.stores, clock)
    caller = Caller(create_app(api).test_client(), KEY)
    (error,) = problem(caller.get(PATH), 400)["errors"]
    assert (error["parameter"], error["received"]) == ("currency", None)
    assert caller.answer(TOP_SALES_PER_CITY.name, currency="EUR")["currency"] == "EUR"


def test_health_needs_no_key_and_no_store(doubles: Doubles, caller: Caller) -> None:
    doubles.deltas.switch.away = True
    assert caller.client.get("/healthz").json == {"status": "ok"}
    assert doubles.deltas.switch.calls == 0


def test_readiness_says_what_is_missing(doubles: Doubles, caller: Caller) -> None:
    assert caller.client.get("/readyz").status_code == 200
    doubles.deltas.switch.away = True
    document = problem(caller.client.get("/readyz"), 503)
    assert document["checks"] == {"clickhouse": "ClickHouse does not answer", "postgresql": "ready"}


def test_request_ids_are_taken_over_if_they_are_sane(caller: Caller) -> None:
    def sent(request_id: str) -> str:
        return str(caller.client.get("/healthz", headers={"X-Request-ID": request_id}).headers["X-Request-ID"])

    assert sent("abc-1.2_3") == "abc-1.2_3"
    for insane in ("", "a b", "x" * 101, '"quoted"', "-x"):
        assert sent(insane) != insane
        assert len(sent(insane)) == 16


def test_no_answer_is_kept_by_others(caller: Caller) -> None:
    assert caller.get(PATH).headers["Cache-Control"] == "private, no-cache"
    assert caller.get("/v1/rankings/top-x").headers["Cache-Control"] == "no-store"


def test_what_nobody_expected_is_logged_and_tells_no_internals(
    doubles: Doubles, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("internal detail")

    monkeypatch.setattr(doubles.deltas, "standings", None)
    monkeypatch.setattr(doubles.deltas.switch, "count", lambda _name: broken())
    with structlog.testing.capture_logs() as events:
        response = caller.get(PATH)
    document = problem(response, 500)
    assert "internal detail" not in response.text
    assert "ZeroDivision" not in response.text
    (event,) = [each for each in events if each["log_level"] == "error"]
    assert isinstance(event["exc_info"], ZeroDivisionError)
    assert document["request_id"]


def test_each_request_is_logged_once_and_the_key_never(
    doubles: Doubles, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    doubles.deltas.standings = standing()
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as events:
        caller.get(PATH, limit="3")
        caller.client.get("/healthz")
    (event,) = [each for each in events if each["event"] == "request answered"]
    assert event["url.path"] == PATH
    assert event["url.query"] == "limit=3"
    assert event["http.response.status_code"] == 200
    assert event["event.duration"] > 0
    assert event["key_id"] == "tl_a-key-th"
    assert caller.key not in repr(events) + caplog.text


def test_text_of_any_script_comes_back_as_it_is(doubles: Doubles, caller: Caller) -> None:
    rows = deltas(TOP_SALES_PER_CITY, [(NOW, sale(country="日本", city='東京 "\\'))])
    doubles.deltas.live[TOP_SALES_PER_CITY.name] = [row[:3] for row in rows]
    (line,) = caller.answer(TOP_SALES_PER_CITY.name)["data"]
    assert (line["country"], line["city"], line["amount"]) == ("日本", '東京 "\\', "10.00")
