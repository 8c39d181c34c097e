"""A session keeps its temporary tables, settings and database, for one caller at a time, until its time is over."""

from __future__ import annotations

import threading
import time

import pytest

from tests.stack_clickhouse.gateway import Gateway

pytestmark = pytest.mark.servers

THREADS = "SELECT getSetting('max_threads')"


def test_temporary_tables(gateway: Gateway) -> None:
    gateway.post("CREATE TEMPORARY TABLE kept AS SELECT 5 AS a", session_id="tables")
    assert gateway.post("SELECT a FROM kept", session_id="tables").text == "5\n"
    assert gateway.post("SELECT a FROM kept").status_code == 404
    assert gateway.post("SELECT a FROM kept", session_id="another").status_code == 404


def test_own_settings_under_those_of_a_query(gateway: Gateway) -> None:
    gateway.post("SET max_threads = 3", session_id="set", max_block_size=100)
    assert gateway.post(THREADS, session_id="set").text == "3\n"
    assert gateway.post(THREADS, session_id="set", max_threads=5).text == "5\n"
    assert gateway.post(THREADS, session_id="set", max_threads=6).text == "6\n"
    assert gateway.post(THREADS, session_id="set").text == "3\n"
    gateway.post("SET max_threads = 4", session_id="set", max_threads=9)
    assert gateway.post(THREADS, session_id="set").text == "4\n"


def test_unknown_setting_does_no_harm(gateway: Gateway) -> None:
    gateway.post("SET max_threads = 3", session_id="harm")
    assert gateway.post("SELECT 1", session_id="harm", no_setting=1).headers["X-ClickHouse-Exception-Code"] == "115"
    assert gateway.post(THREADS, session_id="harm").text == "3\n"


def test_database(gateway: Gateway) -> None:
    ask = "SELECT currentDatabase()"
    assert gateway.post(ask, session_id="use").text == "tidelake\n"
    gateway.post("USE system", session_id="use")
    assert gateway.post(ask, session_id="use").text == "system\n"
    assert gateway.post(ask, session_id="use", database="default").text == "default\n"
    assert gateway.post(ask, session_id="use").text == "system\n"


def test_read_only_for_one_query(gateway: Gateway) -> None:
    create = "CREATE TEMPORARY TABLE x (a UInt8)"
    assert gateway.post(create, session_id="only", readonly=1).headers["X-ClickHouse-Exception-Code"] == "164"
    assert gateway.post("SELECT 1", session_id="only", readonly=1).text == "1\n"
    assert gateway.post(create, session_id="only").status_code == 200


def test_one_caller_at_a_time(gateway: Gateway) -> None:
    first = threading.Thread(target=gateway.post, args=("SELECT sleep(3)",), kwargs={"session_id": "busy"})
    first.start()
    time.sleep(1)
    response = gateway.post("SELECT 1", session_id="busy")
    assert response.headers["X-ClickHouse-Exception-Code"] == "373"
    first.join()
    assert gateway.post("SELECT 1", session_id="busy").text == "1\n"


def test_end(gateway: Gateway) -> None:
    assert gateway.post("SELECT 1", session_id="none", session_check=1).headers["X-ClickHouse-Exception-Code"] == "372"
    gateway.post("SELECT 1", session_id="closed", close_session=1)
    assert gateway.post("SELECT 1", session_id="closed", session_check=1).status_code == 404
    gateway.post("SELECT 1", session_id="short", session_timeout=0)
    time.sleep(1.2)
    assert gateway.post("SELECT 1", session_id="short", session_check=1).status_code == 404
    gateway.post("SELECT 1", session_id="long")
    assert gateway.post("SELECT 1", session_id="long", session_check=1).text == "1\n"


def test_invalid_timeout(gateway: Gateway) -> None:
    response = gateway.post("SELECT 1", session_id="x", session_timeout=4000)
    assert response.headers["X-ClickHouse-Exception-Code"] == "374"
    assert "0 to 3600" in response.text
