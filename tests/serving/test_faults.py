"""A cache that hangs, lies, is full or talks rubbish; a store that is overrun: right answers or honest ones."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.oracle import Filter
from runtime.settings import Settings
from serving.breaker import Breaker
from serving.cache import RedisCache
from serving.compose import compose
from serving.http.app import create_app
from serving.slots import Busy, Slots
from serving.stores.clickhouse import ClickHouse, ClickHouseDeltas
from tests.serving.conftest import KEY
from tests.serving.test_http import problem
from tests.serving.test_routes import fill
from tests.serving.world import Caller, Change, Clock, Doubles, expected, history, publication, totals

NAME = TOP_SALES_PER_CITY.name
PATH = f"/v1/rankings/{NAME}"


@contextmanager
def pretending(answer: Callable[[bytes], bytes | None]) -> Iterator[SecretStr]:
    """A server that is not quite Redis: says what `answer` makes of each request; None keeps silent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while said := _received(connection):
                told = answer(said)
                if told is not None:
                    connection.sendall(told)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield SecretStr(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
    listener.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def changes(doubles: Doubles) -> list[Change]:
    return fill(doubles, history(7))


FAULTS: dict[str, Callable[[bytes], bytes | None]] = {
    "hangs": lambda _said: None,
    "talks rubbish": lambda _said: b"\x00\xffHTTP/1.1 200 OK\r\n\r\n",
    "is full": lambda said: b"-OOM command not allowed when used memory > 'maxmemory'.\r\n" * said.count(b"*"),
    "holds another type": lambda said: b"-WRONGTYPE Operation against a key\r\n" * said.count(b"*"),
    "holds rubbish": lambda said: b"$7\r\nrubbish\r\n" * said.count(b"*"),
    "loads": lambda said: b"-LOADING Redis is loading the dataset in memory\r\n" * said.count(b"*"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cache_with_a_fault_costs_time_and_no_answer(
    doubles: Doubles, clock: Clock, caller: Caller, changes: list[Change], fault: str
) -> None:
    right = caller.answer(NAME)["data"]
    with pretending(FAULTS[fault]) as address:
        stores = replace(doubles.stores, cache=RedisCache(address))
        app = create_app(compose(Settings(redis=address, rate_limit="100/minute"), stores, clock))
        other = Caller(app.test_client(), KEY)
        began = time.monotonic()
        for _ in range(5):
            clock.forward(seconds=1)
            response = other.get(PATH)
            assert (response.status_code, response.json["data"]) == (200, right)
        assert time.monotonic() - began < 10


def test_waiting_for_a_connection_is_no_sign_that_redis_is_dead() -> None:
    asked, told = threading.Event(), threading.Event()

    def answer(_said: bytes) -> bytes:
        asked.set()
        told.wait(5)
        return b"$5\r\nvalue\r\n"

    with pretending(answer) as address, ThreadPoolExecutor(1) as pool:
        never_tried_again = Breaker("Redis", rest_seconds=3600)
        cache = RedisCache(address, never_tried_again, connections=1, wait_seconds=0.01)
        holder = pool.submit(cache.get, "k")
        assert asked.wait(5)
        assert cache.get("k") is None
        told.set()
        assert holder.result(5) == b"value"
        assert cache.get("k") == b"value"


def test_a_stampede_on_a_cold_key_is_one_query(doubles: Doubles, clock: Clock, changes: list[Change]) -> None:
    doubles.deltas.ranked_switch.seconds = 0.5
    app = create_app(compose(Settings(rate_limit=""), doubles.stores, clock))
    gate = threading.Barrier(100)

    def ask(number: int) -> int:
        if number < 100:
            gate.wait()
        return int(app.test_client().get(PATH, headers={"Authorization": f"Bearer {KEY}"}).status_code)

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(ask, range(1000))) == {200}
    assert doubles.deltas.ranked_switch.calls == 1


def test_more_work_than_slots_and_places_is_refused() -> None:
    slots = Slots("it", slots=1, queue=1, wait_seconds=0.2)
    begun, go_on = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        go_on.wait(5)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slots.run, work)
        begun.wait(5)
        second = pool.submit(slots.run, work)
        time.sleep(0.05)
        with pytest.raises(Busy, match="the queue for it is full"):
            slots.run(work)
        with pytest.raises(Busy, match="no turn within"):
            second.result(5)
        go_on.set()
        assert first.result(5) == "done"
    assert slots.run(lambda: "again") == "again"


def test_a_busy_clickhouse_is_not_replaced_by_postgresql(
    doubles: Doubles, caller: Caller, changes: list[Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    doubles.totals.last = publication(2, changes[0][0])

    def busy(*_arguments: object) -> None:
        raise Busy("ClickHouse is busy", todo="try again in a second")

    monkeypatch.setattr(doubles.deltas, "ranked", busy)
    response = caller.get(PATH)
    assert problem(response, 503)["type"].endswith("busy")
    assert response.headers["Retry-After"] == "1"
    assert doubles.totals.switch.calls == 0


def test_a_clickhouse_that_hangs_is_not_waited_for_longer_than_said(
    doubles: Doubles, clock: Clock, changes: list[Change]
) -> None:
    history_of_two = publication(2, changes[200][0].replace(microsecond=0))
    doubles.totals.last = history_of_two
    sums = totals(TOP_SALES_PER_CITY, [each for each in changes if each[0] < history_of_two.boundary])
    doubles.totals.totals = {NAME: {2: sums}}
    with pretending(lambda _said: None) as address:
        port = urlsplit(address.get_secret_value()).port
        server = ClickHouse(SecretStr(f"http://default:secret@127.0.0.1:{port}/tidelake"), timeout_seconds=0.5)
        stores = replace(doubles.stores, deltas=ClickHouseDeltas(server))
        caller = Caller(create_app(compose(Settings(rate_limit=""), stores, clock)).test_client(), KEY)
        for limit in range(1, 6):
            clock.forward(seconds=1)
            given = caller.answer(NAME, limit=limit)
            assert (given["evidence"]["store"], given["evidence"]["partial"]) == ("postgresql", True)
            assert given["data"] == expected(TOP_SALES_PER_CITY, sums, Filter("EUR", limit=limit))
        problem(caller.get(PATH, view="live"), 503)


def test_all_away_at_once_is_told_and_over_when_they_are_back(
    doubles: Doubles, caller: Caller, changes: list[Change]
) -> None:
    right = caller.answer(NAME)["data"]
    switches = (doubles.deltas.switch, doubles.totals.switch, doubles.ledger.switch, doubles.records.switch)
    for switch in switches:
        switch.away = True
    doubles.cache.away = True
    assert "gives figures" in problem(caller.get(PATH, limit="9"), 503)["detail"]
    for path in ("/v1/freshness", "/v1/publications", "/v1/drift", "/v1/quarantine"):
        problem(caller.get(path), 503)
    for switch in switches:
        switch.away = False
    doubles.cache.away = False
    assert caller.answer(NAME)["data"] == right
