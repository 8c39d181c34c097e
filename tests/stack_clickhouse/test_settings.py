"""Settings in the URL act on their query alone, and the engine itself is kept small."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack_clickhouse.gateway import Gateway

pytestmark = pytest.mark.servers

ENDLESS = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"


@pytest.mark.parametrize(
    ("sql", "setting", "code", "status"),
    [
        ("SELECT 1", {"no_such_setting": 1}, 115, 404),
        ("SELECT 1", {"max-threads": 1}, 115, 404),
        ("SELECT 1", {"max_threads": "many"}, 27, 400),
        (ENDLESS, {"max_execution_time": 0.3}, 159, 408),
        ("CREATE TABLE never (a UInt8) ENGINE = Memory", {"readonly": 1}, 164, 500),
        ("SELECT 1 SETTINGS max_threads = 1", {"readonly": 1}, 164, 500),
        ("SELECT number FROM numbers(100)", {"max_result_rows": 5}, 396, 500),
        ("SELECT groupArray(number) FROM numbers(10000000)", {"max_memory_usage": 10_000_000}, 241, 500),
        ("SELECT {x:UInt8}", {"param_x": "many"}, 457, 400),
        ("SELECT {x:UInt8}", {}, 456, 500),
    ],
)
def test_act(gateway: Gateway, sql: str, setting: dict[str, Any], code: int, status: int) -> None:
    response = gateway.post(sql, **setting)
    assert response.headers.get("X-ClickHouse-Exception-Code") == str(code), response.text
    assert response.status_code in (status, 500)


def test_last_for_one_query(gateway: Gateway) -> None:
    sql = "SELECT getSetting('max_threads'), getSetting('join_use_nulls') FORMAT CSV"
    assert gateway.post(sql, max_threads=7, join_use_nulls=1).text == "7,true\n"
    assert gateway.post(sql, join_use_nulls=0).text.endswith(",false\n")


def test_session_time_zone(gateway: Gateway) -> None:
    response = gateway.post("SELECT toDateTime(0)", session_timezone="Europe/Copenhagen")
    assert response.text == "1970-01-01 01:00:00\n"
    assert response.headers["X-ClickHouse-Timezone"] == "Europe/Copenhagen"


def test_engine_is_small(gateway: Gateway) -> None:
    sql = "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'"
    assert gateway.post(sql).text == f"{1500 << 20}\n"
    cleaning = "SELECT value FROM system.merge_tree_settings WHERE name = 'old_parts_lifetime'"
    assert gateway.post(cleaning).text == "60\n"
    logs = "SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'"
    assert gateway.post(logs).text == ""
    response = gateway.post("SELECT groupArray(number) FROM numbers(500000000) FORMAT Null")
    assert response.headers["X-ClickHouse-Exception-Code"] == "241"
