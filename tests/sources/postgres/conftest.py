"""A schema of its own for each test, in the database that stands for the user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.settings import Settings
from streaming.sources.postgres import connector
from streaming.sources.postgres.definition import PostgresSource
from tests.sources.postgres import world


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source's first rows count as read with the first heartbeat after them."""
    monkeypatch.setattr(connector, "HEARTBEAT_MS", 200)


@pytest.fixture
def schema(servers: Settings, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty schema."""
    name = f"s{abs(hash(request.node.nodeid)) % 10**8}"
    world.do(f"CREATE SCHEMA {name}")
    yield name
    world.do(f"DROP SCHEMA {name} CASCADE")


class Ending(list[PostgresSource]):
    """Sources that the command finds by their names, and that are ended after the test."""

    def __init__(self, chosen: Settings) -> None:
        super().__init__()
        self._chosen = chosen

    def __call__(self, source: PostgresSource) -> PostgresSource:
        self.append(source)
        self._chosen.sources_dir.mkdir(exist_ok=True)
        self.file(source).write_text(source.model_dump_json(exclude_none=True), encoding="utf-8")
        return source

    def file(self, source: PostgresSource) -> Path:
        """Its definition; JSON is YAML, too."""
        return self._chosen.sources_dir / f"{source.name}.yaml"


@pytest.fixture
def ending(servers: Settings) -> Iterator[Ending]:
    """Has the sources of a test ended, whatever becomes of it: the server has few slots."""
    found = Ending(servers)
    yield found
    for source in {each.name: each for each in found}.values():
        found.file(source).unlink()
        world.forget(source, servers)
