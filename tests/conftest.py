"""The one stack that all tests marked `stack` share; the first of them that asks for it starts it.

To try tests again and again, keep a stack up and name its home:

    TIDELAKE_HOME=/tmp/trial TIDELAKE_BUSINESS_TIME_ZONE=America/St_Johns tidelake up --detach
    TIDELAKE_TEST_HOME=/tmp/trial TIDELAKE_BUSINESS_TIME_ZONE=America/St_Johns pytest -m stack tests/exactness
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from runtime.settings import Settings
from tests.running_stack import ZONE, at_home, running_stack

TESTS = Path(__file__).parent

LONGEST_FIRST = ("batch", "batch, over time", "exactness", "sources", "batch, apart", "stack_servers", "serving")
"""The groups whose tests take minutes: two processes are both busy to the end if the longest ones come first."""

PARTS = {
    "batch": {
        "over time": ("test_history.py", "test_kills.py", "test_nights.py"),
        "apart": ("test_airflow.py", "test_cluster.py", "test_s3.py", "test_spark.py"),
    }
}
"""Files of long folders that are groups of their own. Those of `batch` that are "apart" do without its Spark session;
the others share one within a process, and take too long for a single process."""

FOR_SHORT_LIVES = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
"""Options of every Java program: those of the tests end before what the second compiler costs is gained again."""

os.environ.setdefault("JDK_JAVA_OPTIONS", FOR_SHORT_LIVES)

# A shell that runs the tests in the background has them ignore Ctrl-C, and all that they start: some test Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first; within a group the order stays."""
    items.sort(key=lambda item: _rank(_group(item.nodeid)))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Packed bytes may hold the second in which they were packed, and all processes must know a test by one name."""
    return argname if isinstance(val, bytes) and not val.decode("latin-1").isprintable() else None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keeps the tests that share servers together in one process where several run them."""
    return ByGroup(config, log)


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """Gives a process a whole group at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    """The folder below the tests, or the smaller part of it; for the examples in docstrings, none."""
    path = Path(nodeid.partition("::")[0])
    if path.parts[0] != TESTS.name:
        return ""
    folder = path.parts[1]
    parts = (part for part, names in PARTS.get(folder, {}).items() if path.name in names)
    return next((f"{folder}, {part}" for part in parts), folder)


def _rank(group: str) -> int:
    return LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture(scope="session")
def stack_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of the running stack; removed at the end unless a test failed."""
    if given := os.environ.get("TIDELAKE_TEST_HOME"):
        yield Path(given).absolute()
        return
    home = tmp_path_factory.mktemp("stack") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TIDELAKE_BUSINESS_TIME_ZONE", ZONE)
        with running_stack(home):
            yield home
    if not request.session.testsfailed:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def stack(stack_home: Path) -> Iterator[Settings]:
    """The settings of the running stack, which this process finds it by while the test runs."""
    with at_home(stack_home) as chosen:
        yield chosen
