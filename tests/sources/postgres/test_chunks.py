"""A table is read in chunks beside its changes: whatever happens meanwhile, it is read to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtime.settings import Settings
from stack import control
from streaming.sources.postgres import chunks
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.tend import tend
from tests.sources.log import Count
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending
from tests.sources.postgres.test_connect_killed import CHANGE, FILL, PATIENCE_SECONDS, ids
from tests.sources.postgres.test_direct import TABLE, agree, bills

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

LARGE = 15_000
"""Rows of a table that is read in chunks of fifty."""

KILLED_AT = (500, 4_000, 9_000)


@pytest.fixture
def large(schema: str, servers: Settings, ending: Ending) -> PostgresSource:
    """A source of many rows, of which the first were read in chunks."""
    world.do(TABLE.format(schema=schema))
    world.do(FILL.format(table=f"{schema}.bills", first=6, last=LARGE))
    source = ending(bills(schema, snapshot="chunks", chunk_rows=50))
    world.prepare(source, servers)
    count = Count(servers, source.into)
    world.until(lambda: tend(source, servers) and count.now() > 0)
    return source


def test_a_snapshot_in_chunks(large: PostgresSource, servers: Settings) -> None:
    """Killed soon after its first chunk, and again; then rows are changed while it is still reading."""
    count = Count(servers, large.into)
    for rows in KILLED_AT:
        assert count.now() < 0.95 * LARGE, "there is nothing left to go on with"
        count.reaches(rows, PATIENCE_SECONDS)
        control.crash("connect", seconds=120)
    world.do(CHANGE.format(table=large.table))
    world.well(large, servers, PATIENCE_SECONDS)
    world.until(lambda: agree(large, servers), PATIENCE_SECONDS)
    read = ids(large, servers, "r")
    assert len(read) > 0.9 * LARGE
    assert set(read.values()) == {1}, "rows were read twice"


def has_broken_off(source: PostgresSource, connect: Connect) -> bool:
    """Which of the two it is depends on what Debezium was at when it came to read the next rows."""
    failed = any(part["state"] == "FAILED" for part in connect.status(source.name))
    return failed or chunks.TABLES not in connect.position(source.name)


def test_a_snapshot_in_chunks_that_breaks_off(
    large: PostgresSource, servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debezium itself passes over the rows that it cannot read, and says that it has read all; or its task fails."""
    monkeypatch.setattr(chunks, "AGAIN_SECONDS", 1.0)
    count = Count(servers, large.into)
    world.until(lambda: tend(large, servers) and count.now() > 3_000)
    world.do(f"REVOKE SELECT ON {large.table} FROM replicator")
    world.until(lambda: has_broken_off(large, Connect(servers)))
    before = ids(large, servers, "r").total()
    assert before < 0.95 * LARGE, "there is nothing left to go on with"
    assert tend(large, servers).detail["snapshot"] == "reading"
    world.do(f"GRANT SELECT ON {large.table} TO replicator")
    world.well(large, servers, PATIENCE_SECONDS)
    world.until(lambda: agree(large, servers), PATIENCE_SECONDS)
    read = ids(large, servers, "r")
    assert read.total() - len(read) < before, "it began anew"


@contextmanager
def transactions_elsewhere() -> Iterator[None]:
    """One that stays open, and others, of which Debezium hears nothing: they write nothing that it reads."""
    ended = threading.Event()

    def others() -> None:
        with world.owner() as opened, opened.cursor() as cursor:
            while not ended.wait(0.001):
                cursor.execute("SELECT pg_current_xact_id()")

    with world.owner() as opened, opened.cursor() as cursor:
        cursor.execute("BEGIN; SELECT pg_current_xact_id()")
        running = threading.Thread(target=others)
        running.start()
        try:
            yield
        finally:
            ended.set()
            running.join()


def test_a_snapshot_in_chunks_that_stands_still(
    large: PostgresSource, servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that stays open makes Debezium wait for one that it never hears of, even when that has ended."""
    monkeypatch.setattr(chunks, "STILL_SECONDS", 2.0)
    count = Count(servers, large.into)
    with transactions_elsewhere():
        health = world.alarmed(large, servers, "stands still while transactions stay open")
        assert (health.state, health.detail["snapshot"]) == ("running", "reading")
        before = count.now()
        assert before < 0.95 * LARGE, "there is nothing left to go on with"
    health = world.well(large, servers, PATIENCE_SECONDS)
    assert health.alarm == ""
    world.until(lambda: agree(large, servers), PATIENCE_SECONDS)
    read = ids(large, servers, "r")
    assert read.total() - len(read) < before, "it began anew"
