"""Killed at every point of a reading, a source over REST loses nothing and tells nothing twice, in the real log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from rankings.contract import parse
from rankings.sale import Sale
from runtime.settings import Settings, settings
from streaming.clickhouse import connect
from streaming.sources.catalogue import source as defined
from streaming.sources.publisher import remembered
from streaming.sources.runner import COUNTS
from tests.sources.dying import reading
from tests.sources.log import committed
from tests.sources.rest.service import Answer, HttpService, Shop, sale
from tests.sources.rest.world import PATHS

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

SALES, BAD = 60, 17
"""How many sales the service has; the one of that number is none."""


def in_a_process(name: str, kill_at: str | None = None) -> int:
    """One reading in a process of its own, which ends at that point."""
    return reading(defined(settings(), name), kill_at)


@pytest.fixture
def till(servers: Settings) -> Iterator[HttpService]:
    """A running service whose sales are good but for one."""
    shop = Shop(SALES)
    shop.size = 10
    shop.sales[BAD - 1] = sale(BAD, amount="1.234")
    with HttpService(shop).running() as running:
        yield running


def define(chosen: Settings, service: HttpService, name: str, path: str, **more: Any) -> None:
    """Writes a definition into the user's folder; JSON is YAML, too."""
    chosen.sources_dir.mkdir(exist_ok=True)
    told = {"name": name, "kind": "rest", "url": f"{service.url}/{path}", **PATHS[path], **more}
    told["limits"] = {"batch_rows": 7, "wait_seconds": 1, **more.get("limits", {})}
    (chosen.sources_dir / f"{name}.yaml").write_text(json.dumps(told))


def told(chosen: Settings, name: str) -> Counter[str]:
    """How often the log holds each sale of a source."""
    return Counter(each["sale_id"] for each in committed(chosen, "events.rest", name))


def quarantined(name: str) -> int:
    """How many records of a source are in the quarantine."""
    with closing(connect()) as client:
        query = (
            "SELECT count() FROM quarantine FINAL WHERE position(payload, {bad: String}) > 0 AND topic = 'events.rest'"
        )
        found: int = client.query(query, parameters={"bad": name}).result_rows[0][0]
    return found


def expected() -> Counter[str]:
    return Counter(f"s{number}" for number in range(1, SALES + 1) if number != BAD)


@pytest.mark.parametrize(
    ("path", "points"),
    [
        ("cursor", ("fetched:2", "quarantined:2", "produced:2", "committed:2", "fetched:1", "produced:4")),
        ("pages", ("produced:4",)),
        ("link", ("fetched:4",)),
    ],
)
def test_killed_anywhere_nothing_is_lost_and_nothing_comes_twice(
    servers: Settings, till: HttpService, path: str, points: tuple[str, ...]
) -> None:
    name = f"rest-{path}"
    till.shop.sales[BAD - 1] = till.shop.sales[BAD - 1].replace("Germany", name)
    define(servers, till, name, path, limits={"remembered": 0})
    # Batches of seven from pages of ten: each second one ends within a page, the others at the end of one.
    for point in points:
        assert in_a_process(name, point) == -9
    assert in_a_process(name) == 0
    assert told(servers, name) == expected()
    assert quarantined(name) == 1
    memory = remembered(servers, name)
    assert memory[COUNTS] == {"read": SALES, "accepted": SALES - 1, "quarantined": 1}
    assert memory["position"]["unfinished"] is None


def test_failures_of_the_service_and_kills_together_change_nothing(servers: Settings, till: HttpService) -> None:
    define(servers, till, "rest-stormy", "cursor", since={"param": "since", "field": "changed_at", "overlap": 20})
    till.plan("/cursor", Answer(status=503, headers={"Retry-After": "0"}), Answer("{" * 9, cut=1), Answer(status=429))
    assert in_a_process("rest-stormy", "produced:3") == -9
    till.plan("/cursor", Answer(status=500), Answer('{"data": {"items": [', cut=10))
    till.shop.sales.append(sale(SALES + 1))
    assert in_a_process("rest-stormy", "committed:2") == -9
    assert in_a_process("rest-stormy") == 0
    till.shop.sales.append(sale(SALES + 2, after=SALES - 5))
    assert in_a_process("rest-stormy") == 0
    assert told(servers, "rest-stormy") == expected() + Counter([f"s{SALES + 1}", f"s{SALES + 2}"])
    assert {each.query.get("since") for each in till.asked[-2:]} == {"2026-01-01T00:00:41.000000Z"}


def test_amounts_are_in_the_log_to_the_cent(servers: Settings, till: HttpService) -> None:
    till.shop.sales = [sale(number, amount=f"{10**13 + number}.{number % 100:02}") for number in range(1, SALES + 1)]
    define(servers, till, "rest-exact", "next_url")
    assert in_a_process("rest-exact") == 0
    sales = [parse(json.dumps(each).encode()) for each in committed(servers, "events.rest", "rest-exact")]
    found = {each.sale_id: str(each.amount) for each in sales if isinstance(each, Sale)}
    assert found == {f"s{number}": f"{10**13 + number}.{number % 100:02}" for number in range(1, SALES + 1)}


def test_the_runner_itself_stops_a_source_that_a_person_has_to_mend(servers: Settings, till: HttpService) -> None:
    define(servers, till, "rest-refused", "cursor")
    till.handlers["/cursor"] = lambda _: Answer("who are you?", status=401)
    command = [sys.executable, "-m", "streaming.sources.runner", "rest-refused"]
    done = subprocess.run(command, env={**os.environ}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    from streaming.sources import state

    told_state = state.read(servers)["rest-refused"]
    assert (told_state.state, "HTTP 401" in str(told_state.last_error)) == (state.State.STOPPED, True)
