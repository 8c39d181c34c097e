"""However the night's work ends, before its run has a row in the ledger or after that is published, a row says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from batch import nightly as nightly_module
from batch.ledger import opened
from batch.nightly import midnights, nightly
from batch.progress import Quiet
from batch.reconcile import reconcile
from runtime.errors import Retryable
from runtime.settings import Settings
from serving.records import NightEnd
from serving.stores.postgres import Postgres
from serving.stores.postgres_records import PostgresLedger
from tests.batch.log import Log, partitions
from tests.batch.test_reconcile import Pulled, assert_published
from tests.batch.world import World, published
from tests.stack_clickhouse.gateway import free_port

pytestmark = pytest.mark.servers


def work(settings: Settings) -> list[int]:
    """The night's work."""
    return nightly(settings, Quiet(), lambda _: partitions())


def told(world: World) -> tuple[NightEnd, int]:
    """The last night, and how many came to nothing, as the API reads it."""
    found = PostgresLedger(Postgres(world.settings.platform_dsn, 5)).reconciliation()
    assert found.last_night
    assert timedelta(0) < datetime.now(UTC) - found.last_night.at < timedelta(minutes=1)
    return found.last_night, found.nights_failed


def four_nights(world: World, log: Log) -> list[datetime]:
    """A lake that the last four midnights can be reconciled from."""
    zone = ZoneInfo(world.settings.business_time_zone)
    now = datetime.now(UTC)
    found = midnights(now - timedelta(days=4), now, zone)
    for each in found:
        log.now = each - timedelta(seconds=2)
        log.grow(30)
    world.write(log.records)
    return found


def test_a_night_that_fails_before_its_run_has_a_row(world: World) -> None:
    nobody = SecretStr(f"http://x:y@127.0.0.1:{free_port()}/tidelake")
    with pytest.raises(Retryable, match="ClickHouse does not answer"):
        work(world.settings.model_copy(update={"clickhouse": nobody}))
    assert world.ledger() == []
    night, failed = told(world)
    assert night.reason is not None
    assert "ClickHouse does not answer" in night.reason
    assert (night.versions, failed) == ((), 1)


class SecondRunEnds(Quiet):
    """Ends the night where its second run begins."""

    def __init__(self) -> None:
        self._runs = 0

    def start(self, step: str) -> None:
        """Ends it if it is the one."""
        self._runs += step == "spark"
        if self._runs == 2:
            raise Pulled(step)


def test_nights_that_were_missed_are_caught_up_and_one_that_fails_behind_its_runs_is_told(world: World) -> None:
    log = Log(seed=51)
    first, *others = four_nights(world, log)
    published(world, first)
    with pytest.raises(Pulled):
        nightly(world.settings, SecondRunEnds(), lambda _: partitions())
    assert world.ledger() == [(1, "published"), (2, "published"), (3, "running")]
    night, failed = told(world)
    assert (night.versions, night.reason, failed) == ((2,), "spark", 1)
    assert work(world.settings) == [4, 5]
    boundaries = world.postgres("SELECT through FROM ledger WHERE status = 'published' ORDER BY version")
    assert boundaries == [(each,) for each in (first, *others)]
    assert_published(world, 5, log.before(others[-1]))
    night, failed = told(world)
    assert (night.versions, night.reason, failed) == ((4, 5), None, 0)
    with (
        opened(world.settings.platform_dsn.get_secret_value()),
        pytest.raises(Retryable, match="another reconciliation is running"),
    ):
        work(world.settings)
    assert world.ledger() == [(each, "failed" if each == 3 else "published") for each in (1, 2, 3, 4, 5)]
    night, failed = told(world)
    assert night.reason is not None
    assert "another reconciliation is running" in night.reason
    assert (night.versions, failed) == ((), 1)
    assert work(world.settings) == []
    night, failed = told(world)
    assert (night.versions, night.reason, failed) == ((), None, 0)


def test_a_version_that_somebody_publishes_as_a_night_begins_is_gone_on_from(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(seed=52)
    first, second, third, last = four_nights(world, log)
    published(world, first)

    def behind_somebody_else(boundary: datetime, *given: Any, **named: Any) -> Any:
        if boundary == second:
            published(world, third)
        return reconcile(boundary, *given, **named)

    monkeypatch.setattr(nightly_module, "reconcile", behind_somebody_else)
    assert work(world.settings) == [3]
    assert_published(world, 3, log.before(last))


PROGRAM = """
import sys
from batch.nights import told

with told(sys.argv[1]):
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_a_night_that_is_killed_is_told_and_one_that_is_under_way_is_not(world: World) -> None:
    dsn = world.settings.platform_dsn
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, dsn.get_secret_value()], **pipes) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        ledger = PostgresLedger(Postgres(dsn, 5))
        assert ledger.reconciliation().last_night is None
        process.send_signal(signal.SIGKILL)
    # PostgreSQL notices in its own time that the process is gone.
    lock = "('nights'::regclass::oid::integer, 1)"
    world.postgres(f"SELECT pg_advisory_lock{lock}, pg_advisory_unlock{lock}")
    night, failed = told(world)
    assert (night.reason, failed) == ("it was ended before its time", 1)
