"""A table whose columns only have other names: Debezium's records are the sales, whatever is done to the table."""

from __future__ import annotations

import pytest

from runtime.settings import Settings
from streaming.sources.postgres import database
from streaming.sources.postgres import tend as postgres_tend
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.tend import forget, tend
from tests.sources.command import run
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending

pytestmark = pytest.mark.servers

TABLE = """
CREATE TABLE {schema}.bills (
    no bigint PRIMARY KEY, sold timestamptz NOT NULL, land text NOT NULL, place text NOT NULL,
    seller integer NOT NULL, total numeric(12, 2) NOT NULL, remark text
);
INSERT INTO {schema}.bills
SELECT n, '2026-03-01T12:00:00+02', 'Germany', 'Köln', n % 3, n, 'r' FROM generate_series(1, 5) n
"""
PARTITIONED = """
CREATE TABLE {schema}.bills (
    no bigint PRIMARY KEY, sold timestamptz NOT NULL, land text NOT NULL, place text NOT NULL,
    seller integer NOT NULL, total numeric(12, 2) NOT NULL, remark text
) PARTITION BY RANGE (no);
CREATE TABLE {schema}.first PARTITION OF {schema}.bills FOR VALUES FROM (0) TO (100);
CREATE TABLE {schema}.second PARTITION OF {schema}.bills FOR VALUES FROM (100) TO (200);
INSERT INTO {schema}.bills
SELECT n, '2026-03-01T12:00:00+02', 'Germany', 'Köln', n % 3, n, 'r' FROM unnest(ARRAY[1, 2, 3, 4, 5, 100]) n
"""
FIELDS = {
    "sale_id": "no",
    "occurred_at": "sold",
    "country": "land",
    "city": "place",
    "salesman_id": "seller",
    "amount": "total",
    "currency": {"constant": "EUR"},
}


def bills(schema: str, **more: object) -> PostgresSource:
    fields = {**FIELDS, **more.pop("fields", {})}  # type: ignore[dict-item]
    return world.defined(name=f"b{schema}", table=f"{schema}.bills", fields=fields, **more)


@pytest.fixture
def running(schema: str, servers: Settings, ending: Ending) -> PostgresSource:
    """A source of five bills, which are read."""
    world.do(TABLE.format(schema=schema))
    source = ending(bills(schema))
    world.prepare(source, servers)
    world.well(source, servers)
    return source


def truth(source: PostgresSource) -> dict[str, tuple[object, ...]]:
    rows = world.ask(f"SELECT no::text, total, place, seller::text FROM {source.table}")
    return {name: tuple(rest) for name, *rest in rows}


def told(source: PostgresSource, chosen: Settings) -> dict[str, tuple[object, ...]]:
    return {name: (s.amount, s.city, s.salesman_id) for name, s in world.sales(source, chosen).items()}


def agree(source: PostgresSource, chosen: Settings) -> bool:
    return told(source, chosen) == truth(source)


def test_the_rows_and_every_change_of_them_are_sales(running: PostgresSource, servers: Settings) -> None:
    assert set(world.sales(running, servers)) == {"1", "2", "3", "4", "5"}
    world.do(f"INSERT INTO {running.table} SELECT 6, now(), 'Chile', 'Talca', 1, 1234567890.12, NULL")
    world.do(f"UPDATE {running.table} SET place = 'Bonn', total = -1 WHERE no = 2")
    world.do(f"DELETE FROM {running.table} WHERE no = 3")
    # Another primary key is another sale: the one before is deleted.
    world.do(f"UPDATE {running.table} SET no = 40 WHERE no = 4")
    world.until(lambda: agree(running, servers))
    sale = world.sales(running, servers)["6"]
    assert (sale.source, sale.country, sale.currency, str(sale.amount)) == (
        running.name,
        "Chile",
        "EUR",
        "1234567890.12",
    )


def test_a_column_that_is_added_or_dropped_and_not_read_changes_nothing(
    running: PostgresSource, servers: Settings
) -> None:
    world.do(f"ALTER TABLE {running.table} ADD COLUMN more jsonb DEFAULT '{{}}', DROP COLUMN remark")
    world.do(f"UPDATE {running.table} SET total = total + 1")
    world.until(lambda: agree(running, servers))
    assert world.well(running, servers).alarm == ""


def test_a_renamed_column_is_an_alarm_and_its_records_are_refused_until_the_definition_follows(
    running: PostgresSource, servers: Settings, ending: Ending, schema: str
) -> None:
    world.do(f"ALTER TABLE {running.table} RENAME COLUMN place TO town")
    world.do(f"UPDATE {running.table} SET total = 77 WHERE no = 1; DELETE FROM {running.table} WHERE no = 2")
    health = world.alarmed(running, servers, "has no column place")
    assert "change the definition" in health.alarm
    world.until(lambda: world.refused(running, servers))
    assert all(each.startswith("city: missing") for each in world.refused(running, servers))
    changed = ending(bills(schema, fields={"city": "town"}))
    world.until(lambda: tend(changed, servers))
    world.again(changed, servers)
    world.well(changed, servers)
    expected = {n: t for n, t in world.ask(f"SELECT no::text, total FROM {running.table}")}
    assert world.until(lambda: world.amounts(changed, servers) == expected)


def test_a_type_that_is_no_exact_amount_is_refused_and_rows_written_anew_are_read_again(
    running: PostgresSource, servers: Settings
) -> None:
    world.do(f"ALTER TABLE {running.table} ALTER COLUMN total TYPE numeric(14, 2) USING total * 100")
    world.alarmed(running, servers, "all rows are read again")
    world.well(running, servers)
    world.until(lambda: agree(running, servers))
    world.do(f"ALTER TABLE {running.table} ALTER COLUMN total TYPE double precision")
    world.do(f"UPDATE {running.table} SET total = 0.1 WHERE no = 1")
    world.until(lambda: world.refused(running, servers))
    assert any("amount: received a number" in each for each in world.refused(running, servers))


def test_truncate_deletes_the_sales(running: PostgresSource, servers: Settings) -> None:
    world.do(f"TRUNCATE {running.table}; INSERT INTO {running.table} SELECT 9, now(), 'Chile', 'Talca', 1, 3, NULL")
    world.alarmed(running, servers, "TRUNCATE")
    world.well(running, servers)
    assert world.until(lambda: agree(running, servers))
    assert set(world.sales(running, servers)) == {"9"}


def test_a_partition_whose_rows_were_written_anew_is_read_again(
    schema: str, servers: Settings, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.do(PARTITIONED.format(schema=schema))
    source = ending(bills(schema))
    world.prepare(source, servers)
    world.well(source, servers)
    world.do(f"CREATE TABLE {schema}.later PARTITION OF {source.table} FOR VALUES FROM (200) TO (300)")
    assert world.well(source, servers).alarm == "", "a new partition is nothing that a person has to know"
    world.do(f"INSERT INTO {source.table} SELECT 200, now(), 'Chile', 'Talca', 1, 3, NULL")
    world.until(lambda: agree(source, servers))
    world.do(f"TRUNCATE {schema}.later; DELETE FROM {source.table} WHERE no = 1")
    world.alarmed(source, servers, f"the rows of {schema}.later were written anew")
    world.well(source, servers)
    world.until(lambda: agree(source, servers))
    assert set(world.sales(source, servers)) == {"2", "3", "4", "5", "100"}
    # Each partition that has rows is of one page: the table is as large as all of them.
    monkeypatch.setattr(postgres_tend, "SMALL_TABLE_BYTES", 8192)
    world.do(f"ALTER TABLE {source.table} ALTER COLUMN total TYPE numeric(14, 2) USING total * 100")
    health = world.alarmed(source, servers, "were written anew")
    assert f"{schema}.first, {schema}.later, {schema}.second" in health.alarm
    assert f"run `tidelake sources resnapshot {source.name}`" in health.alarm


def test_a_large_value_that_an_update_leaves_as_it_was_is_read_from_the_table(
    running: PostgresSource, servers: Settings
) -> None:
    """A row of more than 2 KB in which only the city can be moved out of the row."""
    wide = ", ".join(f"ADD COLUMN w{n} text NOT NULL DEFAULT repeat('w', 150)" for n in range(20))
    plain = ", ".join(f"ALTER COLUMN w{n} SET STORAGE PLAIN" for n in range(20))
    world.do(f"ALTER TABLE {running.table} {wide}")
    world.do(f"ALTER TABLE {running.table} {plain}, ALTER COLUMN place SET STORAGE EXTERNAL")
    world.do(f"UPDATE {running.table} SET place = repeat('c', 180) WHERE no = 1")
    size = world.ask(f"SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = '{running.table}'::regclass")
    assert size[0][0] > 0, "the value lies in the row itself: this would test nothing"
    world.do(f"UPDATE {running.table} SET total = 500 WHERE no = 1")
    world.until(lambda: agree(running, servers))
    assert world.refused(running, servers) == []
    # Where the row is gone before it could be asked for, nobody knows the value any more.
    Connect(servers).stop(running.name)
    world.do(f"UPDATE {running.table} SET total = 501 WHERE no = 1")
    world.do(f"DELETE FROM {running.table} WHERE no = 1")
    Connect(servers).resume(running.name)
    world.until(lambda: agree(running, servers))
    assert [each.partition(":")[0] for each in world.refused(running, servers)] == ["city"]


def test_a_table_without_a_primary_key_is_read_by_the_key_of_the_definition(
    schema: str, servers: Settings, ending: Ending
) -> None:
    world.do(TABLE.format(schema=schema))
    world.do(f"ALTER TABLE {schema}.bills DROP CONSTRAINT bills_pkey")
    source = ending(bills(schema))
    world.do(f"CREATE PUBLICATION {source.publication_name} FOR TABLE {source.table}")
    world.do(f"GRANT USAGE ON SCHEMA {schema} TO replicator; GRANT SELECT ON {source.table} TO replicator")
    health = tend(source, servers)
    assert (health.state, "REPLICA IDENTITY" in health.alarm) == ("waiting", True)
    world.prepare(source, servers)
    world.well(source, servers)
    world.do(f"UPDATE {source.table} SET total = 8 WHERE no = 1; UPDATE {source.table} SET no = 50 WHERE no = 5")
    world.do(f"DELETE FROM {source.table} WHERE no = 2")
    world.until(lambda: agree(source, servers))


def test_another_primary_key_keeps_the_keys_of_the_log(running: PostgresSource, servers: Settings) -> None:
    world.do(f"ALTER TABLE {running.table} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY")
    world.do(f"ALTER TABLE {running.table} DROP CONSTRAINT bills_pkey, ADD PRIMARY KEY (id)")
    world.do(f"UPDATE {running.table} SET total = 11 WHERE no = 1")
    world.alarmed(running, servers, "REPLICA IDENTITY")
    world.prepare(running, servers)
    world.do(f"UPDATE {running.table} SET total = 12 WHERE no = 2; DELETE FROM {running.table} WHERE no = 3")
    world.again(running, servers)
    world.well(running, servers)
    world.until(lambda: agree(running, servers))


def test_a_lost_slot_stops_the_source_and_all_rows_are_read_on_command(
    running: PostgresSource, servers: Settings
) -> None:
    connect = Connect(servers)
    connect.stop(running.name)
    world.drop_slot(running)
    world.do(f"UPDATE {running.table} SET total = 99 WHERE no = 1; DELETE FROM {running.table} WHERE no = 2")
    before = told(running, servers)
    # Nobody looks: Connect starts it again by itself, and Debezium makes a new slot.
    connect.resume(running.name)
    world.until(lambda: any(part["state"] == "FAILED" for part in connect.status(running.name)))
    world.do(f"UPDATE {running.table} SET total = 98 WHERE no = 3")
    health = world.alarmed(running, servers, "is lost")
    assert health.state == "stopped"
    assert f"tidelake sources resnapshot {running.name}" in health.alarm
    assert tend(running, servers).state == "stopped"
    assert told(running, servers) == before
    assert "is read again" in run("sources", "resnapshot", running.name).stdout
    assert world.until(lambda: agree(running, servers))
    assert "2" not in world.sales(running, servers)


def test_a_slot_that_is_not_there_is_lost_before_another_is_made(running: PostgresSource, servers: Settings) -> None:
    Connect(servers).stop(running.name)
    world.drop_slot(running)
    for _ in range(2):
        health = tend(running, servers)
        assert (health.state, "somebody dropped it" in health.alarm) == ("stopped", True)
    assert world.ask(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{running.slot_name}'") == []


def test_a_slot_that_was_made_since_the_first_look_is_not_lost(
    running: PostgresSource, servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, first = database.slot, [None]
    monkeypatch.setattr(database, "slot", lambda *given: first.pop() if first else look(*given))
    for _ in range(2):
        assert tend(running, servers).state == "running"


def test_a_slot_that_the_server_gave_up_is_lost(running: PostgresSource, servers: Settings) -> None:
    Connect(servers).stop(running.name)
    world.do("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    try:
        world.do("SELECT pg_reload_conf()")
        for _ in range(4):
            world.do("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000)); SELECT pg_switch_wal()")
        world.do("CHECKPOINT")
        health = world.alarmed(running, servers, "is lost")
    finally:
        world.do("ALTER SYSTEM RESET max_slot_wal_keep_size")
        world.do("SELECT pg_reload_conf()")
    assert (health.state, health.detail["wal_status"]) == ("stopped", "lost")
    world.do(f"DELETE FROM {running.table} WHERE no = 1")
    world.again(running, servers)
    world.well(running, servers)
    world.until(lambda: agree(running, servers))


def test_the_bytes_that_are_not_read_yet_are_told(running: PostgresSource, servers: Settings) -> None:
    Connect(servers).stop(running.name)
    world.do("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 6000000))")
    assert tend(running, servers).detail["lag_bytes"] > 5_000_000
    world.until(lambda: tend(running, servers).detail["lag_bytes"] < 100_000)


def test_a_source_that_is_defined_no_more_is_ended(running: PostgresSource, servers: Settings) -> None:
    assert forget(servers, {"shop"}) == [running.name]
    assert Connect(servers).present(running.name) is None
