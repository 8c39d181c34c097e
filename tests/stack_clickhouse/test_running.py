"""Queries run side by side up to a limit, and stop when they are killed or their callers hang up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.running import Entry, Running
from tests.stack_clickhouse.gateway import Gateway

pytestmark = pytest.mark.servers

ENDLESS = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000) SETTINGS max_threads = 1"


def _under_way(gateway: Gateway) -> int:
    return int(gateway.post("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(city%'").text)


def _until(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)


def _entry(query_id: str, *, gone: bool = False) -> Entry:
    return Entry(query_id, lambda: gone, cancel_on_close=True)


def test_limit() -> None:
    running = Running(2, 0.05, kill=lambda _: None)
    with ExitStack() as life:
        for query_id in "ab":
            life.enter_context(running.turn(_entry(query_id)))
        with pytest.raises(ClickHouseError, match="Maximum: 2") as raised, running.turn(_entry("c")):
            pass
    assert (raised.value.code, raised.value.status) == (202, 503)
    with running.turn(_entry("c")):
        assert not running.drain(0)
    assert running.drain(0)


def test_same_id_twice() -> None:
    running = Running(2, 0.05, kill=lambda _: None)
    with running.turn(_entry("a")):
        with pytest.raises(ClickHouseError) as raised, running.turn(_entry("a")):
            pass
        with running.turn(_entry("b")):
            pass
    assert raised.value.code == 216


def test_abandoned() -> None:
    killed: list[str] = []
    running = Running(3, 0.05, kill=killed.append)
    with running.turn(_entry("gone", gone=True)), running.turn(_entry("there")):
        assert running.cancel_abandoned() == killed == ["gone"]


def test_small_queries_beside_a_large_one(gateway: Gateway) -> None:
    large = threading.Thread(
        target=gateway.post, args=(ENDLESS,), kwargs={"query_id": "large", "max_execution_time": 3}
    )
    large.start()
    with gateway.client().query_row_block_stream("SELECT 1") as blocks:
        assert len(list(blocks)) == 1
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: gateway.post(f"SELECT {n}").text, range(64)))
    assert answers == [f"{n}\n" for n in range(64)]
    assert large.is_alive()
    gateway.post("KILL QUERY WHERE query_id = 'large'")
    large.join()


def test_kill(gateway: Gateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(gateway.post, ENDLESS, query_id="the query_id", max_execution_time=10)
        for _ in _until(5):
            if _under_way(gateway):
                break
        assert gateway.post("SELECT 1", query_id="the query_id").headers["X-ClickHouse-Exception-Code"] == "216"
        assert gateway.post("KILL QUERY WHERE query_id = 'somebody'").text == ""
        assert gateway.post("KILL QUERY WHERE query_id = 'the query_id'").text.startswith("waiting")
        assert large.result().headers["X-ClickHouse-Exception-Code"] == "394"


@pytest.mark.parametrize(
    "sql",
    [
        ENDLESS,
        "SELECT sum(cityHash64(number)), n FROM (SELECT number, number AS n FROM numbers(1000000000000)) GROUP BY n",
    ],
)
def test_hanging_up_cancels(gateway: Gateway, sql: str) -> None:
    target = "/?user=tide&password=p%40ss%20word&cancel_http_readonly_queries_on_client_close=1&max_execution_time=20"
    with closing(socket.create_connection(("127.0.0.1", gateway.port))) as line:
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n"
        line.sendall((head + sql).encode())
        for _ in _until(5):
            if _under_way(gateway):
                break
        assert _under_way(gateway) == 1
    for _ in _until(5):
        if not _under_way(gateway):
            break
    assert _under_way(gateway) == 0
