"""A schema of its own for each test, in the database that stands for the user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.settings import Settings
from streaming.sources.postgres.definition import PostgresSource
from tests.sources.postgres import world


@pytest.fixture
def schema(servers: Settings, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty schema."""
    name = f"s{abs(hash(request.node.nodeid)) % 10**8}"
    world.do(f"CREATE SCHEMA {name}")
    yield name
    world.do(f"DROP SCHEMA {name} CASCADE")


class Ending(list[PostgresSource]):
    """Sources that are ended after the test."""

    def __call__(self, source: PostgresSource) -> PostgresSource:
        self.append(source)
        return source


@pytest.fixture
def ending(servers: Settings) -> Iterator[Ending]:
    """Has the sources of a test ended, whatever becomes of it: the server has few slots."""
    found = Ending()
    yield found
    for source in {each.name: each for each in found}.values():
        world.forget(source, servers)
