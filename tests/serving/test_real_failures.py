"""Servers that die in the middle: answers go on, say what they lack, and are whole again afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import psycopg2
import pytest
from pydantic import SecretStr

from rankings.catalogue import TOP_SALES_PER_CITY
from runtime.settings import Settings
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import create_key
from serving.ports import StoreRefused
from serving.stores.postgres import CONNECTIONS, Postgres, PostgresTotals
from tests import postgres
from tests.serving.conftest import free_port, gateway, make_platform, make_tables, redis_server, server
from tests.serving.world import Caller

pytestmark = pytest.mark.servers

CITY = TOP_SALES_PER_CITY.name


@pytest.fixture
def key(platform: SecretStr) -> str:
    """A fresh key, beside a ledger with one version that has one total."""
    with psycopg2.connect(platform.get_secret_value()) as connection:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE ledger, totals CASCADE")
            cursor.execute(
                "INSERT INTO ledger (version, through, versions, status, published_at) OVERRIDING SYSTEM VALUE"
                " VALUES (1, now(), '{1}', 'published', now()), (2, now(), '{1,2}', 'failed', NULL),"
                " (3, now(), '{1,3}', 'running', NULL)"
            )
            cursor.execute(
                "INSERT INTO totals VALUES (1, %s, '2026-03-01', 'EUR', '{Germany,Berlin}', 12.3, 2)", (CITY,)
            )
        return create_key(connection, "test")


def test_clickhouse_dies_and_comes_back(platform: SecretStr, valkey: SecretStr, key: str) -> None:
    port = free_port()
    settings = Settings(
        clickhouse=SecretStr(f"http://default:secret@127.0.0.1:{port}/tidelake"), platform_dsn=platform, redis=valkey
    )
    caller = Caller(create_app(compose(settings)).test_client(), key)
    with gateway(port) as (address, process):
        make_tables(address)
        assert caller.answer(CITY)["evidence"]["store"] == "clickhouse"
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.3)
        given = caller.answer(CITY)
        assert given["evidence"]["store"] == "postgresql"
        assert given["evidence"]["publication"]["version"] == 1
        assert [(line["city"], line["amount"]) for line in given["data"]] == [("Berlin", "12.30")]
        assert caller.get(f"/v1/rankings/{CITY}", view="live").status_code == 503
        started = time.monotonic()
        for limit in range(1, 101):
            assert caller.answer(CITY, limit=limit)["evidence"]["partial"]
        assert time.monotonic() - started < 3, "a dead store must cost little"
    with gateway(port) as (address, _process):
        make_tables(address)
        time.sleep(1.1)
        assert caller.answer(CITY)["evidence"]["store"] == "clickhouse"


def test_a_server_that_lacks_the_tables_is_no_reason_to_fail(platform: SecretStr, valkey: SecretStr, key: str) -> None:
    with gateway() as (address, _process):
        settings = Settings(clickhouse=SecretStr(f"{address}default"), platform_dsn=platform, redis=valkey)
        caller = Caller(create_app(compose(settings)).test_client(), key)
        assert caller.answer(CITY)["evidence"]["store"] == "postgresql"
        assert "ClickHouse answered with an error" in caller.client.get("/readyz").text


def test_connections_that_postgresql_dropped_are_replaced(platform: SecretStr) -> None:
    database = Postgres(platform, 5.0)
    totals = PostgresTotals(database)
    totals.published()
    with psycopg2.connect(platform.get_secret_value()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidelake-api'")
    totals.published()


@contextmanager
def locked(platform: SecretStr) -> Iterator[None]:
    """Nobody can read the ledger meanwhile."""
    with closing(psycopg2.connect(platform.get_secret_value())) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        yield


def waiting(platform: SecretStr) -> int:
    """How many statements of the API wait for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidelake-api' AND wait_event_type = 'Lock'"
    with closing(psycopg2.connect(platform.get_secret_value())) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def test_threads_beyond_the_connections_of_postgresql_wait_for_one(platform: SecretStr, key: str) -> None:
    threads, totals = Settings().api_threads, PostgresTotals(Postgres(platform, 30.0))
    with ThreadPoolExecutor(threads) as pool:
        with locked(platform):
            asked = [pool.submit(totals.published) for _ in range(threads)]
            give_up = time.monotonic() + 20
            while waiting(platform) < min(CONNECTIONS, threads):
                assert time.monotonic() < give_up
                time.sleep(0.1)
            assert [each.exception() for each in asked if each.done()] == []
        assert {getattr(each.result(), "version", None) for each in asked} == {1}


def test_nobody_waits_longer_than_the_timeout_for_a_connection(platform: SecretStr, key: str) -> None:
    totals = PostgresTotals(Postgres(platform, 0.5, connections=1))
    assert totals.published() is not None
    with locked(platform), ThreadPoolExecutor(6) as pool:
        errors = [each.exception(20) for each in [pool.submit(totals.published) for _ in range(6)]]
        assert {type(each) for each in errors} == {StoreRefused}
        assert any("PostgreSQL is busy" in str(each) for each in errors)
    assert totals.published() is not None, "a server that is busy is not left alone"


@contextmanager
def served(home: Path, **addresses: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The API under gunicorn: its address and its process. A store whose address is not said is nowhere."""
    address = f"http://127.0.0.1:{free_port()}"
    nowhere = f"127.0.0.1:{free_port()}"
    stores = {
        "clickhouse": f"http://default:@{nowhere}/tidelake",
        "platform_dsn": f"postgresql://tidelake@{nowhere}/tidelake",
        "redis": f"redis://{nowhere}/0",
        **addresses,
    }
    chosen = {f"TIDELAKE_{name.upper()}": value for name, value in stores.items()}
    environment = {**os.environ, "TIDELAKE_HOME": str(home), "TIDELAKE_API": address, **chosen}
    options = ["--config", "python:serving.http.gunicorn_conf", "serving.http.wsgi:app"]
    command = [sys.executable, "-m", "gunicorn", *options]
    with server(command, environment, lambda: httpx.get(f"{address}/healthz").is_success) as process:
        yield address, process


def test_alone_the_api_lives_is_not_ready_and_lets_nobody_in(tmp_path: Path) -> None:
    with served(tmp_path) as (address, process):
        assert httpx.get(f"{address}/readyz").json()["checks"] == {
            "clickhouse": "ClickHouse does not answer",
            "postgresql": "PostgreSQL does not answer",
        }
        refused = httpx.get(f"{address}/v1/rankings/{CITY}", headers={"Authorization": "Bearer tl_any"})
        assert refused.status_code == 503
        assert refused.headers["Retry-After"] == "2"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_all_stores_die_at_once_and_come_back(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    addresses = {
        "clickhouse": f"http://default:secret@127.0.0.1:{ports[0]}/tidelake",
        "redis": f"redis://127.0.0.1:{ports[1]}/0",
    }
    with ExitStack() as stack:
        database = stack.enter_context(postgres.server())
        make_platform(database.dsn)
        with closing(psycopg2.connect(database.dsn)) as connection, connection:
            headers = {"Authorization": f"Bearer {create_key(connection, 'test')}"}

        def start() -> list[subprocess.Popen[bytes]]:
            found, one = stack.enter_context(gateway(ports[0]))
            make_tables(found)
            return [one, stack.enter_context(redis_server(ports[1]))[1]]

        processes = start()
        address, _ = stack.enter_context(served(tmp_path, platform_dsn=database.dsn, **addresses))

        def asked(limit: int) -> httpx.Response:
            return httpx.get(f"{address}/v1/rankings/{CITY}?limit={limit}", headers=headers, timeout=30)

        assert asked(1).json()["evidence"]["store"] == "clickhouse"
        for process in processes:
            process.kill()
            process.wait()
        database.crash()
        for limit in range(2, 6):
            given = asked(limit)
            assert (given.status_code, given.headers["Content-Type"]) == (503, "application/problem+json")
            assert given.headers["Retry-After"]
        assert httpx.get(f"{address}/healthz").is_success
        assert httpx.get(f"{address}/readyz").status_code == 503
        database.start()
        start()
        give_up = time.monotonic() + 30
        while (given := asked(6)).status_code != 200 or given.json()["evidence"]["store"] != "clickhouse":
            assert time.monotonic() < give_up, given.text
            time.sleep(0.2)
        assert httpx.get(f"{address}/readyz").is_success


def test_a_request_under_way_is_answered_before_the_api_stops(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        dsn = f"postgresql://tidelake@127.0.0.1:{silent.getsockname()[1]}/tidelake"
        with served(tmp_path, platform_dsn=dsn) as (address, process):
            headers = {"Authorization": "Bearer tl_any"}
            asking = pool.submit(httpx.get, f"{address}/v1/rankings/{CITY}", headers=headers, timeout=60)
            with silent.accept()[0]:
                process.send_signal(signal.SIGTERM)
                assert asking.result(60).status_code == 503
            assert process.wait(60) == 0


def test_an_event_stream_comes_to_its_end_when_the_api_stops(
    tmp_path: Path, clickhouse: SecretStr, platform: SecretStr, valkey: SecretStr, key: str
) -> None:
    given = {"clickhouse": clickhouse, "platform_dsn": platform, "redis": valkey}
    addresses = {name: address.get_secret_value() for name, address in given.items()}
    with served(tmp_path, **addresses) as (address, process):
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.stream("GET", f"{address}/v1/rankings/{CITY}/stream", headers=headers, timeout=60) as response:
            parts = response.iter_text()
            assert "event: snapshot" in next(parts)
            process.send_signal(signal.SIGTERM)
            # One that is cut off instead is an error of the transport.
            assert "snapshot" not in "".join(parts)
        assert process.wait(60) == 0
