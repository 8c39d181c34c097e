"""A session's JVM is gone when the session is, and when its process is interrupted; killed, `test_kills`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
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


def end_by_themselves(processes: Iterable[psutil.Process]) -> None:
    """Returns once all of them have ended."""
    left, until = list(processes), time.monotonic() + 20
    while left := [each for each in left if lives(each)]:
        assert time.monotonic() < until, left
        time.sleep(0.1)


def lives(process: psutil.Process) -> bool:
    """Whether it has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_no_jvm_stays_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path), "TIDELAKE_SPARK_MEMORY": "512m"}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n", process.stderr and process.stderr.read()
        children = list(filter(lives, psutil.Process(process.pid).children(recursive=True)))
        command_lines = [" ".join(child.cmdline()) for child in children]
        process.send_signal(signal.SIGINT)
    assert any("org.apache.spark.deploy.SparkSubmit" in line for line in command_lines)
    assert not any("password" in line for line in command_lines)
    end_by_themselves(children)


def test_what_spark_says_is_told_when_its_jvm_is_gone(tmp_path: Path) -> None:
    of_python = 'spark.createDataFrame([("a",)], "id string").persist().count()'
    program = PROGRAM.replace('spark.sql("SELECT 1")', f'{of_python}\n    spark.sql("SELECT no_such_column")')
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path), "TIDELAKE_SPARK_MEMORY": "512m"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "runtime.errors.Permanent: Spark failed; received: '[UNRESOLVED_COLUMN" in ended.stderr
    assert "EOFError" not in ended.stderr


WORKING = """
import sys
from pyspark import StorageLevel
from batch.spark import session
from runtime.settings import settings
with session(settings()) as spark:
    kept = spark.range(10_000).repartition(3).persist(StorageLevel.DISK_ONLY)
    kept.count()
    print("up", flush=True)
    sys.stdin.readline()
    print(kept.selectExpr("id % 100 AS n").groupBy("n").count().count(), flush=True)
"""


def test_a_session_leaves_alone_what_that_of_another_process_works_with(tmp_path: Path) -> None:
    environment = {**os.environ, "TIDELAKE_HOME": str(tmp_path), "TIDELAKE_SPARK_MEMORY": "512m"}
    left = tmp_path / "spark" / "left by one that was killed"
    left.mkdir(parents=True)
    other = PROGRAM.replace("time.sleep(60)", "")
    with subprocess.Popen(
        [sys.executable, "-c", WORKING],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n", process.stderr and process.stderr.read()
        subprocess.run([sys.executable, "-c", other], env=environment, stdout=subprocess.DEVNULL, check=True)
        assert not left.exists()
        said, wrong = process.communicate("go on\n")
    assert said == "100\n", wrong
    assert list((tmp_path / "spark").iterdir()) == []
