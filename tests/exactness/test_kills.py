"""Whatever is killed while sales change, the answers become exactly right, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from runtime.settings import Settings
from stack import control
from streaming.clickhouse import connect
from streaming.keeper import running
from tests.exactness.processes import strays, workers
from tests.exactness.truth import Truth
from tests.exactness.waiting import wait_until
from tests.exactness.writer import Writer
from tests.running_stack import at_home, troubles

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

CHANGES = 200
"""How many changes are made before and after a kill."""


@pytest.fixture(scope="module")
def writer(stack_home: Path) -> Iterator[Writer]:
    with at_home(stack_home) as chosen:
        made = Writer(chosen)
    made.start()
    yield made
    made.end()


@pytest.mark.parametrize(
    "name", ["gauge", "gateway", "connect", "taskmanager", "jobmanager", "jobs", "postgres", "kafka"]
)
def test_a_server_is_killed_in_mid_stream(stack: Settings, truth: Truth, writer: Writer, name: str) -> None:
    survives(lambda: control.crash(name), stack, truth, writer)


def test_a_cluster_that_is_asked_to_stop_leaves_what_its_jobs_go_on_from(
    stack: Settings, truth: Truth, writer: Writer
) -> None:
    survives(lambda: control.restart("jobmanager"), stack, truth, writer)
    for job in running(stack.flink).values():
        checkpoints = httpx.get(f"{stack.flink}/jobs/{job}/checkpoints", timeout=10).raise_for_status().json()
        assert checkpoints["latest"]["restored"]


def survives(accident: Callable[[], object], stack: Settings, truth: Truth, writer: Writer) -> None:
    """While sales change something happens; then everything is ready, right and clean again."""
    worked = workers(stack.home)
    with writer.busy():
        writer.makes(CHANGES)
        accident()
        writer.makes(CHANGES)
    written = datetime.now(UTC)
    wait_until_ready()
    truth.equals_live()
    truth.equals_merged()
    wait_until_seen(written)
    wait_until(lambda: not strays(stack.home), lambda: f"left behind: {strays(stack.home)}")
    wait_until(lambda: workers(stack.home) == worked, lambda: f"{workers(stack.home)} workers, not {worked}")


def wait_until_ready() -> None:
    """Every part of the stack is ready again."""
    wait_until(
        lambda: control.status(with_memory=False).state == "ready", lambda: troubles(control.status(with_memory=False))
    )


def wait_until_seen(moment: datetime) -> None:
    """It is known of both jobs that they have read everything up to a moment."""
    text = "SELECT min(seen_through), count() FROM progress FINAL WHERE path IN ('live', 'lake')"
    with closing(connect()) as client:

        def seen() -> tuple[datetime, int]:
            ((through, count),) = client.query(text).result_rows
            return through.replace(tzinfo=UTC), count

        wait_until(lambda: seen()[0] >= moment, lambda: f"seen through {seen()}, not {moment}")
