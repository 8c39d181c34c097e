"""A server that cannot be read from is told before anything runs: what it is like, and what its owner has to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from psycopg2.extras import LogicalReplicationConnection

from runtime.settings import Settings
from streaming.sources.postgres.check import check
from streaming.sources.postgres.definition import PostgresSource
from tests import postgres
from tests.sources.postgres import world

pytestmark = pytest.mark.servers

LOGICAL = {"wal_level": "logical"}
NARROW = {**LOGICAL, "max_replication_slots": "1", "max_wal_senders": "1"}
DROP = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"
NO_SLOT = "0 of 1 replication slots are free / drop a slot that nobody needs, or raise max_replication_slots"
NO_SENDER = "0 of 1 WAL senders are free / end a reader that nobody needs, or raise max_wal_senders"


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server as PostgreSQL comes, which each test starts anew with settings of its own."""
    with postgres.server() as made:
        yield made


@pytest.fixture
def source(server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> PostgresSource:
    monkeypatch.setenv("CHECKED_DSN", server.dsn)
    return world.defined(name="checked", table="public.t", dsn={"env": "CHECKED_DSN"})


@contextmanager
def slot(server: postgres.Server, name: str) -> Iterator[None]:
    """A replication slot, which is dropped at the end: no server starts that may not have those it has."""
    run(server, "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", name)
    try:
        yield
    finally:
        world.until(lambda: run(server, DROP, name))


def run(server: postgres.Server, statement: str, *parameters: str) -> bool:
    """Whether the one statement found any row, where it looks for rows."""
    with closing(psycopg2.connect(server.dsn)) as opened:
        opened.autocommit = True
        with opened.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.rowcount > 0


@contextmanager
def reading(server: postgres.Server, name: str) -> Iterator[None]:
    """A reader of a slot, which holds a WAL sender."""
    options = {"proto_version": "1", "publication_names": "p"}
    with closing(psycopg2.connect(server.dsn, connection_factory=LogicalReplicationConnection)) as opened:
        opened.cursor().start_replication(name, options=options)
        yield


def told(source: PostgresSource) -> tuple[str, str]:
    """What is well, and what is not with its cure."""
    findings = list(check(source, Settings(connect="http://127.0.0.1:1")))
    well = "\n".join(each.what for each in findings if each.ok)
    return well, "\n".join(f"{each.what} / {each.todo}" for each in findings if not each.ok)


def test_a_write_ahead_log_that_tells_too_little(server: postgres.Server, source: PostgresSource) -> None:
    cure = "set wal_level = logical and restart the server"
    server.restart()
    assert f"wal_level is replica / {cure}" in told(source)[1]
    server.restart({"wal_level": "minimal", "max_wal_senders": "0"})
    assert f"wal_level is minimal / {cure}" in told(source)[1]
    server.restart(LOGICAL)
    well, bad = told(source)
    assert "wal_level is logical" in well
    assert "wal_level" not in bad


def test_slots_and_senders_that_are_used_up(server: postgres.Server, source: PostgresSource) -> None:
    server.restart(NARROW)
    well, _ = told(source)
    assert "1 of 1 replication slots are free" in well
    assert "1 of 1 WAL senders are free" in well
    with slot(server, "another"):
        _, bad = told(source)
        assert NO_SLOT in bad
        assert "WAL senders" not in bad
        with reading(server, "another"):
            assert NO_SENDER in told(source)[1]


def test_what_the_source_itself_holds_is_free_for_it(server: postgres.Server, source: PostgresSource) -> None:
    server.restart(NARROW)
    with slot(server, source.slot_name), reading(server, source.slot_name):
        well, _ = told(source)
    assert "0 of 1 replication slots are free" in well
    assert "0 of 1 WAL senders are free" in well


def test_a_standby_that_has_a_copy_of_the_slot(server: postgres.Server, source: PostgresSource) -> None:
    server.restart(LOGICAL)
    run(server, "CREATE TABLE t (sale_id int PRIMARY KEY)")
    assert "the server is a primary" in told(source)[0]
    with slot(server, source.slot_name):
        server.restart(LOGICAL, standby=True)
        well, bad = told(source)
    assert "the server is a standby / name the primary in the dsn" in bad
    assert "public.t has 1 columns" in well, "it was looked at to its end"
    assert f"the database of {source.name} does not answer" not in bad
