"""What the exactness tests share: the truth, and a way to reconcile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests.exactness.truth import Truth
from tests.running_stack import at_home


@pytest.fixture(scope="session")
def whole_truth(stack_home: Path) -> Iterator[Truth]:
    with at_home(stack_home) as chosen:
        made = Truth(chosen)
    yield made
    made.close()


@pytest.fixture
def truth(stack: Settings, whole_truth: Truth) -> Truth:
    """What the answers have to be; the stack's addresses are known meanwhile."""
    return whole_truth


@pytest.fixture
def reconcile(stack: Settings) -> Callable[[], None]:
    """Runs `tidelake reconcile --through now`."""

    def run() -> None:
        command = [sys.executable, "-m", "runtime", "reconcile", "--through", "now"]
        environment = {**os.environ, "TIDELAKE_HOME": str(stack.home)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run
