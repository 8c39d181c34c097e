"""What was acknowledged survives every end of the process, and an orderly end lets running queries finish."""

from __future__ import annotations

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.stack_clickhouse.gateway import Gateway, free_port, running

pytestmark = pytest.mark.servers

CREATE = "CREATE TABLE IF NOT EXISTS kept (a UInt64) ENGINE = ReplacingMergeTree ORDER BY a"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_acknowledged_rows_survive(tmp_path: Path, number: int) -> None:
    gateway = Gateway(tmp_path, free_port()).start()
    for database in ("tidelake", "default"):
        gateway.post(CREATE, database=database)
        for start in range(0, 200, 10):
            rows = ",".join(f"({n})" for n in range(start, start + 10))
            assert gateway.post(f"INSERT INTO kept VALUES {rows}", database=database).status_code == 200
    gateway.stop(number)
    with running(tmp_path) as again:
        for database in ("tidelake", "default"):
            assert again.post("SELECT count() FROM kept FINAL", database=database).text == "200\n"


def test_orderly_end(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, free_port()).start()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(gateway.post, "SELECT sleep(3)")
        time.sleep(1)
        began = time.monotonic()
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        refused = gateway.post("SELECT 1")
        assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (503, "236")
        assert answer.result().text == "0\n"
        assert gateway.process.wait(timeout=20) == 0
    assert time.monotonic() - began < 8
    with pytest.raises(httpx.TransportError):
        gateway.post("SELECT 1")
    assert "Traceback" not in gateway.log()


@pytest.mark.parametrize("taken", ["port", "folder"])
def test_what_is_taken_is_said(gateway: Gateway, tmp_path: Path, taken: str) -> None:
    port, home = (gateway.port, tmp_path) if taken == "port" else (free_port(), gateway.home)
    second = Gateway(home, port)
    process = second.launch()
    try:
        assert process.wait(timeout=20) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "what to do" in second.log()
    assert "Traceback" not in second.log()
    assert gateway.post("SELECT 1").text == "1\n"
