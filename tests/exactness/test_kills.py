"""Whatever is killed while sales change, the answers become exactly right, and nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rankings.render.clickhouse import View
from runtime.settings import Settings
from stack import control
from tests.exactness.processes import strays, workers
from tests.exactness.truth import Truth
from tests.exactness.writer import Writer
from tests.running_stack import at_home, troubles

pytestmark = pytest.mark.stack

READY_SECONDS = 240.0
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
    worked = workers(stack.home)
    with writer.busy():
        writer.makes(CHANGES)
        control.crash(name)
        writer.makes(CHANGES)
    wait_until_ready()
    truth.equals_live()
    truth.equals_merged()
    wait_until(lambda: not strays(stack.home), lambda: f"left behind: {strays(stack.home)}")
    wait_until(lambda: workers(stack.home) == worked, lambda: f"{workers(stack.home)} workers, not {worked}")


def test_history_of_all_that_happened(truth: Truth, reconcile: Callable[[], None]) -> None:
    reconcile()
    truth.equals_everywhere()
    truth.equals_api(View.RECONCILED)
    truth.equals_api()


def wait_until_ready() -> None:
    """Every part of the stack is ready again."""
    wait_until(
        lambda: control.status(with_memory=False).state == "ready", lambda: troubles(control.status(with_memory=False))
    )


def wait_until(holds: Callable[[], bool], why: Callable[[], str]) -> None:
    give_up = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < give_up, why()
        time.sleep(0.25)
