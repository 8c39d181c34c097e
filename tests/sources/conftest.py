"""Kafka, Kafka Connect, PostgreSQL and the ClickHouse gateway: one small stack for all tests of sources together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests import small_stack
from tests.running_stack import at_home

PARTS = (
    *("postgres", "kafka", "gateway", "connect"),
    *("databases", "platform-tables", "clickhouse-tables", "topics"),
)


@pytest.fixture(scope="session")
def source_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of the small stack, which runs as long as the tests."""
    home = tmp_path_factory.mktemp("sources")
    (home / "logs").mkdir()
    with at_home(home):
        running = small_stack.start(home, PARTS)
    try:
        yield home
    finally:
        with at_home(home):
            small_stack.stop(running)


@pytest.fixture
def servers(source_home: Path) -> Iterator[Settings]:
    """The settings of the small stack, which are this process's while the test runs."""
    with at_home(source_home) as chosen:
        yield chosen
