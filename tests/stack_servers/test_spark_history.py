"""The History Server shows the runs whose event logs lie in the deployment's home."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from runtime.settings import Settings
from stack import spark_history
from stack.ports import HOST, free_port

pytestmark = pytest.mark.servers

STARTED = {
    "Event": "SparkListenerApplicationStart",
    "App Name": "tidelake-reconcile",
    "App ID": "local-1",
    "Timestamp": 1_700_000_000_000,
    "User": "test",
}
ENDED = {"Event": "SparkListenerApplicationEnd", "Timestamp": 1_700_000_009_000}
LOG_START = {"Event": "SparkListenerLogStart", "Spark Version": "4.1.4"}


def test_a_run_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_history, "settings", lambda: Settings(home=tmp_path))
    port = free_port(set())
    command = spark_history.command(port)
    lines = "".join(f"{json.dumps(each, separators=(',', ':'))}\n" for each in (LOG_START, STARTED, ENDED))
    (tmp_path / "spark-events" / "local-1").write_text(lines)
    output = (tmp_path / "output").open("wb")
    with output, subprocess.Popen(command, env=spark_history.environment(), stdout=output, stderr=output) as server:
        try:
            assert [each["name"] for each in _applications(port)] == ["tidelake-reconcile"]
        finally:
            server.terminate()


def _applications(port: int) -> list[dict[str, object]]:
    until = time.monotonic() + 60
    while True:
        try:
            found: list[dict[str, object]] = httpx.get(f"http://{HOST}:{port}/api/v1/applications").json()
        except (httpx.TransportError, ValueError):
            found = []
        if found:
            return found
        assert time.monotonic() < until, "the History Server shows nothing"
        time.sleep(0.3)
