"""The same reconciliation runs by `spark-submit` on a cluster: a master, and a worker that lends executors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from runtime.settings import Settings
from stack.ports import HOST, free_port
from stack.spark import spark_home

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

DEPLOY = "org.apache.spark.deploy"
START_SECONDS = 60.0

RECONCILIATION = """
import json
from datetime import timedelta
from batch.spark import session
from rankings.catalogue import RANKINGS
from runtime.settings import settings
from tests.batch.log import Log
from tests.batch.world import World

with session(settings()) as spark:
    world, log = World(settings(), spark), Log(seed=71)
    world.clear()
    log.grow(60)
    log.now += timedelta(seconds=1)
    log.mark()
    world.write(log.records)
    outcome = world.reconcile(log.now)
    exact = all(world.published(each) == world.expected(each, log.records) for each in RANKINGS)
    executors = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
    print(json.dumps({"exact": exact, "executors": executors, "version": outcome.version}))
"""


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A standalone cluster of one worker with one core; its address."""
    port = free_port(set())
    master = ("master.Master", "--host", HOST, "--port", str(port))
    worker = ("worker.Worker", "--host", HOST, "--cores", "1", "--memory", "700m", "--work-dir", str(folder / "work"))
    address = f"spark://{HOST}:{port}"
    with ExitStack() as running:
        running.enter_context(_daemon(folder / "master.log", *master))
        log = folder / "worker.log"
        running.enter_context(_daemon(log, *worker, address))
        give_up = time.monotonic() + START_SECONDS
        while "Successfully registered with master" not in log.read_text(errors="replace"):
            assert time.monotonic() < give_up, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        yield address


@contextmanager
def _daemon(log: Path, name: str, *arguments: str) -> Iterator[None]:
    options = ("--webui-port", str(free_port(set())))
    command = [str(spark_home() / "bin" / "spark-class"), f"{DEPLOY}.{name}", *options, *arguments]
    environment = {**os.environ, "SPARK_HOME": str(spark_home()), "SPARK_DAEMON_MEMORY": "256m"}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            yield
        finally:
            process.terminate()


def _submit(address: str, jars: str) -> list[str]:
    options = ("--master", address, "--jars", jars, "--driver-memory", "700m", "--executor-memory", "600m")
    return [str(spark_home() / "bin" / "spark-submit"), *options, "--conf", f"spark.driver.host={HOST}"]


def test_executors_of_a_cluster_give_what_the_oracle_says(batch_settings: Settings, tmp_path: Path) -> None:
    base = batch_settings.platform_dsn.get_secret_value()
    with closing(psycopg2.connect(base)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE on_cluster")
    with cluster(tmp_path) as address:
        told = {
            "HOME": str(tmp_path / "home"),
            "WAREHOUSE": (tmp_path / "lake").as_uri(),
            "PLATFORM_DSN": f"{base.rpartition('/')[0]}/on_cluster",
            "CLICKHOUSE": batch_settings.clickhouse.get_secret_value(),
            "LIVE_WAIT_SECONDS": "0",
            "MARK_WAIT_SECONDS": "1",
        }
        program = tmp_path / "reconciliation.py"
        program.write_text(RECONCILIATION)
        environment = {**os.environ, **{f"TIDELAKE_{name}": value for name, value in told.items()}}
        ended = subprocess.run(
            [*_submit(address, batch_settings.spark_jars), str(program)],
            env={**environment, "PYTHONPATH": os.pathsep.join(sys.path), "PYSPARK_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert json.loads(ended.stdout.splitlines()[-1]) == {"exact": True, "executors": 1, "version": 1}
