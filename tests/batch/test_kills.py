"""A run that is killed in the middle of any step is taken up by the same command, and data never stands still."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from rankings.catalogue import RANKINGS
from runtime.settings import Settings
from tests.batch.beginning import Begun
from tests.batch.log import Record
from tests.batch.moving import Moving
from tests.batch.test_reconcile import assert_published
from tests.batch.test_spark import end_by_themselves
from tests.batch.world import World, grown, published

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1800)]

STEPS = {
    **dict.fromkeys(("spark", "lake", "parse", "silver", "gold", "load"), 0.6),
    **dict.fromkeys(("check", "drift"), 0.1),
    "publish": 0.05,
}
"""How many seconds after its begin each step is killed at most: those behind the last mark are over soon."""

REMEMBERED = ("silver", "gold")
"""The steps behind which the next run goes on, under a number of its own."""

AHEAD = timedelta(seconds=8)
"""How far the boundary lies behind what the lake holds at first: the rest comes while the first runs are under way."""

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
        "SPARK_OPTIONS": chosen.spark_options,
    }
    return {**os.environ, **{f"TIDELAKE_{name}": value for name, value in told.items()}}


class Killed(NamedTuple):
    """A run that was killed.

    Attributes:
        steps: those that it had begun.
        servers: the processes that it had started.
    """

    steps: set[str]
    servers: list[psutil.Process]


def killed_in(step: str, through: str, told: dict[str, str], delay: float) -> Killed:
    """Runs the command, which takes up what the one before has left, and kills it some moments after a step begins."""
    command, steps = [sys.executable, "-c", PROGRAM, through], set()
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            steps.add(line.strip())
            if step in steps:
                break
        assert step in steps, f"it ended before the step {step}"
        time.sleep(delay)
        servers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
    return Killed(steps, servers)


def test_killed_in_the_middle_of_each_step_while_data_moves(begun: Begun, tmp_path: Path) -> None:
    world, log, draw = begun.world, begun.log, random.Random(41)
    grown(world, log, 100)
    through, before = log.now + AHEAD, log.before(begun.through)
    told = environment(world.settings, tmp_path)
    done: set[str] = set()
    servers: list[psutil.Process] = []
    with Moving(world, log) as moving:
        for step, most in STEPS.items():
            commits = moving.commits
            killed = killed_in(step, through.isoformat(), told, draw.uniform(0, most))
            servers += killed.servers
            assert not killed.steps & done, "what an earlier run has finished was done again"
            done = finished(world)
            assert done >= {each for each in REMEMBERED if comes_before(each, step)}
            assert moving.commits > commits or step == "spark"
            if len(versions(world)) > 1:
                assert step in ("drift", "publish")
                break
            assert versions(world) == [1]
            assert_begun_again(world)
            for ranking in RANKINGS:
                assert world.published(ranking) == world.expected(ranking, before)
        second = world.reconcile(through).version
        assert_exact(world, (1, second), log.before(through))
    third = published(world, log.now).version
    assert_exact(world, (1, second, third), log.before(log.now))
    # The first run may be killed before it has a JVM, the last one is not made if a version is there already.
    assert len(servers) >= len(STEPS) - 2
    end_by_themselves(servers)


def comes_before(one: str, other: str) -> bool:
    """Whether a step is done before another one."""
    order = list(STEPS)
    return order.index(one) < order.index(other)


def finished(world: World) -> set[str]:
    """The steps of the last version that need not be done again."""
    ((told,),) = world.postgres("SELECT certificate -> 'done' FROM ledger ORDER BY version DESC LIMIT 1")
    return set(told) & set(REMEMBERED)


def assert_begun_again(world: World) -> None:
    """Each run has given up the version of the one before, which may be at work for all that it knows."""
    (_, *failed, (_, last)) = world.ledger()
    assert {status for _, status in failed} <= {"failed"}
    assert last == "running"


def versions(world: World) -> list[int]:
    """Those that were published."""
    return [number for (number,) in world.clickhouse("SELECT version FROM publications ORDER BY version")]


def assert_exact(world: World, all_published: tuple[int, ...], records: list[Record]) -> None:
    """The last version is of these records and no other, and live, which never stood still, had the same figures."""
    version = all_published[-1]
    assert {each: status for each, status in world.ledger() if status != "failed"} == dict.fromkeys(
        all_published, "published"
    )
    assert_published(world, version, records)
    told = world.postgres("SELECT (certificate -> 'records')::integer FROM ledger WHERE version = %s", (version,))
    assert told == [(len(records),)]
    assert world.postgres("SELECT count(*) FROM drift WHERE version = %s", (version,)) == [(0,)]
