"""The live job can be made anew from the log: answers whose rows are gone come back, those that are there stay."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rankings.catalogue import RANKINGS
from rankings.render.clickhouse import View, current_publication
from runtime.settings import Settings
from stack.shop.simulator import Shop
from streaming.clickhouse import connect
from streaming.jobs.live import NAME
from streaming.keeper import running
from tests.exactness.truth import EPOCH, Sums, Truth, live, publication

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def rebuild(stack: Settings) -> subprocess.CompletedProcess[str]:
    """Runs `tidelake live rebuild`."""
    command = [sys.executable, "-m", "runtime", "live", "rebuild"]
    environment = {**os.environ, "TIDELAKE_HOME": str(stack.home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)


def test_rebuilt_with_half_of_its_rows_there(stack: Settings, truth: Truth, reconcile: Callable[[], None]) -> None:
    """Those of every other second are gone, before the boundary and behind it."""
    with closing(connect()) as client, Shop(stack.source_dsn.get_secret_value(), seed=9) as shop:
        published(client, reconcile)
        shop.run(rate=200, seconds=3)
        truth.equals_live()
        boundary, _ = publication(client)
        whole = sums_since(client, boundary)
        assert all(whole)
        lose_every_other_second(client)
        left = sums_since(client, boundary)
        assert all(left)
        assert all(some != all_of_it for some, all_of_it in zip(left, whole, strict=True))
        job = running(stack.flink)[NAME]
        done = rebuild(stack)
        assert done.returncode == 0, done.stdout + done.stderr
        assert running(stack.flink)[NAME] != job
        assert sums_since(client, boundary) == whole
        truth.equals_live()
        truth.equals_merged()
        shop.run(rate=200, seconds=1)
    truth.equals_live()
    truth.equals_merged()
    truth.equals_api(View.MERGED)


def sums_since(client: Any, boundary: datetime) -> list[Sums]:
    """What live has kept of each ranking: since the beginning, and since the boundary."""
    return [live(client, ranking, since) for ranking in RANKINGS for since in (EPOCH, boundary)]


def lose_every_other_second(client: Any) -> None:
    """Deletes the rows of a half of the seconds."""
    for ranking in RANKINGS:
        client.command(
            f"ALTER TABLE {ranking.live_table} DELETE WHERE toUnixTimestamp(second) % 2 = 0",
            settings={"mutations_sync": 2},
        )


def test_refused_while_the_log_may_be_compacted(stack: Settings, truth: Truth, reconcile: Callable[[], None]) -> None:
    job = running(stack.flink)[NAME]
    with closing(connect()) as client:
        published(client, reconcile)
        version, boundary, *rest, _ = client.query(current_publication()).result_rows[0]
        publish(client, version, datetime.now(UTC) - timedelta(days=stack.compaction_lag_days, minutes=1), *rest)
        refused = rebuild(stack)
        publish(client, version, boundary, *rest)
    assert refused.returncode == 1, refused.stdout
    assert "the log may have been compacted" in refused.stderr
    assert running(stack.flink)[NAME] == job
    truth.equals_merged()


def published(client: Any, reconcile: Callable[[], None]) -> None:
    """There is a history, whichever tests ran before."""
    if not publication(client)[1]:
        reconcile()


def publish(client: Any, version: int, boundary: datetime, versions: list[int], names: list[str]) -> None:
    """The row last published counts."""
    columns = ["version", "boundary", "versions", "rankings", "published_at"]
    client.insert("publications", [(version, boundary, versions, names, datetime.now(UTC))], column_names=columns)
