"""A run that is killed in the middle of any step is taken up by the same command, whatever has come meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests.batch.log import Log
from tests.batch.test_reconcile import assert_published
from tests.batch.world import World, grown, published

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1800)]

STEPS = {
    **dict.fromkeys(("spark", "lake", "parse", "silver", "gold", "load"), 0.6),
    **dict.fromkeys(("check", "drift"), 0.1),
    "publish": 0.05,
}
"""How many seconds after its begin each step is killed at most: those behind the last mark are over soon."""

PROGRAM = """
import sys
from datetime import datetime
from batch.progress import Quiet
from batch.reconcile import reconcile
from runtime.settings import settings
from tests.batch.log import partitions

class Told(Quiet):
    def start(self, step):
        print(step, flush=True)

reconcile(datetime.fromisoformat(sys.argv[1]), settings(), progress=Told(), partitions=lambda _: partitions())
"""


def environment(chosen: Settings, home: Path) -> dict[str, str]:
    """That of a command which finds the test's stores, with scratch space of its own."""
    told = {
        "HOME": str(home),
        "PLATFORM_DSN": chosen.platform_dsn.get_secret_value(),
        "CLICKHOUSE": chosen.clickhouse.get_secret_value(),
        "WAREHOUSE": chosen.warehouse,
        "BUSINESS_TIME_ZONE": chosen.business_time_zone,
        "SPARK_MASTER": chosen.spark_master,
        "SPARK_MEMORY": "512m",
        "JAR_CACHE": str(chosen.jar_cache),
        "LIVE_WAIT_SECONDS": "0",
        "SPARK_JARS": chosen.spark_jars,
    }
    return {**os.environ, **{f"TIDELAKE_{name}": value for name, value in told.items()}}


def killed_in(step: str, through: str, told: dict[str, str], delay: float) -> None:
    """Runs the command, and kills it some moments after a step has begun."""
    command = [sys.executable, "-c", PROGRAM, through]
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        assert step in (line.strip() for line in process.stdout), f"it ended before the step {step}"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)


def test_killed_in_the_middle_of_each_step(world: World, tmp_path: Path) -> None:
    log, draw = Log(seed=41), random.Random(41)
    published(world, grown(world, log, 120))
    through = grown(world, log, 120)
    told = environment(world.settings, tmp_path)
    for step, most in STEPS.items():
        killed_in(step, through.isoformat(), told, draw.uniform(0, most))
        grown(world, log, 10)
        known = [number for (number,) in world.clickhouse("SELECT version FROM publications ORDER BY version")]
        if known == [1, 2]:
            assert step in ("drift", "publish")
            break
        assert known == [1]
        assert world.ledger() == [(1, "published"), (2, "running")]
    assert world.reconcile(through).version == 2
    assert world.ledger() == [(1, "published"), (2, "published")]
    assert_published(world, 2, log.before(through))
    assert published(world, log.now).version == 3
    assert_published(world, 3, log.before(log.now))
