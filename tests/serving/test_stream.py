"""A stream tells a ranking's changes as they happen, and goes on where its reader lost it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from rankings.catalogue import TOP_SALES_PER_CITY
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from tests.serving.conftest import KEY
from tests.serving.test_http import problem
from tests.serving.test_routes import fill
from tests.serving.world import NOW, Caller, Clock, Doubles, deltas, history, sale

PATH = f"/v1/rankings/{TOP_SALES_PER_CITY.name}/stream"


class Ticking(Clock):
    """A clock on which every look is a tick later, so that nothing is kept."""

    def __call__(self) -> Any:
        self.forward(milliseconds=1)
        return self.at


@pytest.fixture
def caller(doubles: Doubles) -> Caller:
    fill(doubles, history(7))
    settings = Settings(rate_limit="", cache_tick_ms=1, stream_limit=1, stream_seconds=5)
    return Caller(create_app(compose(settings, doubles.stores, Ticking(NOW))).test_client(), KEY)


def opened(caller: Caller, last_id: str | None = None) -> Any:
    caller.headers = {"Last-Event-ID": last_id} if last_id else {}
    response = caller.client.get(PATH, headers={"Authorization": f"Bearer {KEY}", **caller.headers}, buffered=False)
    assert response.status_code == 200, response.text
    assert response.mimetype == "text/event-stream"
    return response


def events(response: Any) -> Iterator[tuple[str, str, Any]]:
    """Id, name and data of each."""
    for raw in response.response:
        fields = dict(line.split(": ", 1) for line in raw.decode().strip().splitlines())
        if "event" in fields:
            yield fields["id"], fields["event"], json.loads(fields["data"])


def sell(doubles: Doubles, city: str, amount: int) -> None:
    change = (NOW + timedelta(seconds=5), sale(city, city=city, amount=Decimal(amount)))
    doubles.deltas.live[TOP_SALES_PER_CITY.name] += [row[:3] for row in deltas(TOP_SALES_PER_CITY, [change])]


def applied(lines: list[dict[str, Any]], change: dict[str, Any]) -> list[dict[str, Any]]:
    """As a reader keeps the lines."""
    gone = [*change["gone"], *({name: line[name] for name in ("country", "city")} for line in change["changed"])]
    kept = [line for line in lines if {name: line[name] for name in ("country", "city")} not in gone]
    return sorted([*kept, *change["changed"]], key=lambda line: line["rank"])


def test_changes_come_as_they_happen(doubles: Doubles, caller: Caller) -> None:
    response = opened(caller)
    told = events(response)
    _, name, snapshot = next(told)
    assert (name, snapshot["data"]) == ("snapshot", caller.answer(TOP_SALES_PER_CITY.name)["data"])
    sell(doubles, "Bonn", 10**6)
    _, name, change = next(told)
    assert name == "change"
    assert change["changed"][0]["city"] == "Bonn"
    assert applied(snapshot["data"], change) == caller.answer(TOP_SALES_PER_CITY.name)["data"]
    response.close()


def test_who_comes_back_gets_what_was_missed(doubles: Doubles, caller: Caller) -> None:
    response = opened(caller)
    last_id, _, snapshot = next(events(response))
    response.close()
    sell(doubles, "Bonn", 10**6)
    response = opened(caller, last_id)
    _, name, change = next(events(response))
    response.close()
    assert name == "change"
    assert applied(snapshot["data"], change) == caller.answer(TOP_SALES_PER_CITY.name)["data"]


@pytest.mark.parametrize("last_id", ["1.0123", "x" * 500, "0.4f53cda18c2baa0c0354bb5f9a3ecbe5", "ä"])
def test_who_comes_back_from_nowhere_gets_everything(caller: Caller, last_id: str) -> None:
    response = opened(caller, last_id)
    assert next(events(response))[1] == "snapshot"
    response.close()


def test_a_rubbish_state_in_the_cache_is_no_state(doubles: Doubles, caller: Caller) -> None:
    response = opened(caller)
    last_id = next(events(response))[0]
    response.close()
    doubles.cache.values = {
        key: b"rubbish" if "stream:" in key else value for key, value in doubles.cache.values.items()
    }
    response = opened(caller, last_id)
    assert next(events(response))[1] == "snapshot"
    response.close()


def test_a_stream_outlives_stores_that_are_away_for_a_moment(doubles: Doubles, caller: Caller) -> None:
    response = opened(caller)
    told = events(response)
    next(told)
    calls = doubles.deltas.switch.calls
    doubles.deltas.switch.away = True
    sell(doubles, "Bonn", 10**6)
    doubles.deltas.switch.away = False
    assert next(told)[2]["changed"][0]["city"] == "Bonn"
    assert doubles.deltas.switch.calls > calls
    response.close()


def test_more_streams_than_there_are_threads_for_are_refused(caller: Caller) -> None:
    response = opened(caller)
    next(events(response))
    refused = problem(caller.get(PATH), 503)
    assert "streams" in refused["detail"]
    response.close()
    again = opened(caller)
    again.close()
