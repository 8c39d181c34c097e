"""Servers that die in the middle: answers go on, say what they lack, and are whole again afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
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
from serving.stores.postgres import Postgres, PostgresTotals
from tests.serving.conftest import free_port, gateway, make_tables, server
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


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The API under gunicorn, with no store anywhere."""
    address = f"http://127.0.0.1:{free_port()}"
    nowhere = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "TIDELAKE_HOME": str(tmp_path),
        "TIDELAKE_API": address,
        "TIDELAKE_CLICKHOUSE": f"http://default:@{nowhere}/tidelake",
        "TIDELAKE_PLATFORM_DSN": f"postgresql://tidelake@{nowhere}/tidelake",
        "TIDELAKE_REDIS": f"redis://{nowhere}/0",
    }
    options = ["--config", "python:serving.http.gunicorn_conf", "serving.http.wsgi:app"]
    command = [sys.executable, "-m", "gunicorn", *options]
    with server(command, environment, lambda: httpx.get(f"{address}/healthz").is_success) as process:
        yield address, process


def test_alone_the_api_lives_is_not_ready_and_lets_nobody_in(lonely: tuple[str, subprocess.Popen[bytes]]) -> None:
    address, process = lonely
    assert httpx.get(f"{address}/readyz").json()["checks"] == {
        "clickhouse": "ClickHouse does not answer",
        "postgresql": "PostgreSQL does not answer",
    }
    refused = httpx.get(f"{address}/v1/rankings/{CITY}", headers={"Authorization": "Bearer tl_any"})
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "2"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
