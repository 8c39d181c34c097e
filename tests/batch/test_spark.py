"""A session's JVM is gone when the session is, and when the process is, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.servers

PROGRAM = """
import time
from batch.spark import session
from runtime.settings import settings
with session(settings()) as spark:
    spark.sql("SELECT 1").collect()
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_jvm_stays_behind(number: int, tmp_path: Path) -> None:
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path), "TIDELAKE_SPARK_MEMORY": "512m"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n", process.stderr and process.stderr.read()
        children = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if child.status() != psutil.STATUS_ZOMBIE
        ]
        command_lines = [" ".join(child.cmdline()) for child in children]
        process.send_signal(number)
    assert any("org.apache.spark.deploy.SparkSubmit" in line for line in command_lines)
    assert not any("password" in line for line in command_lines)
    until = time.monotonic() + 20
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
        assert time.monotonic() < until, children
        time.sleep(0.1)


def test_what_spark_says_is_told_when_its_jvm_is_gone(tmp_path: Path) -> None:
    program = PROGRAM.replace('"SELECT 1"', '"SELECT no_such_column"')
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path), "TIDELAKE_SPARK_MEMORY": "512m"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "runtime.errors.Permanent: Spark failed; received: '[UNRESOLVED_COLUMN" in ended.stderr
