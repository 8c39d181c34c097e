"""A definition is tried against its database before anything runs: each thing that is missing is told with its cure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from runtime.settings import Settings
from streaming.sources.postgres.check import check
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.records import Finding
from tests.sources.command import run
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending
from tests.sources.postgres.test_joined import TABLES, erp

pytestmark = pytest.mark.servers

TABLE = """
CREATE TABLE {schema}.t (id int, at timestamptz, land text, place text, seller int, total double precision);
INSERT INTO {schema}.t VALUES (1, now(), 'Chile', 'Talca', 1, 3.5), (2, now(), NULL, 'Talca', 1, 3.5);
"""


def plain(schema: str, **fields: object) -> PostgresSource:
    told = {"sale_id": "id", "occurred_at": "at", "country": "land", "city": "place", "salesman_id": "seller"}
    more = {"amount": "total", "currency": {"constant": "EUR"}, **fields}
    return world.defined(name=f"c{schema}", table=f"{schema}.t", fields={**told, **more})


def found(source: PostgresSource, chosen: Settings) -> list[Finding]:
    return list(check(source, chosen))


def bad(findings: list[Finding]) -> str:
    return "\n".join(f"{each.what} / {each.todo}" for each in findings if not each.ok)


def test_what_is_missing_is_told_one_after_the_other_until_sales_are_shown(
    schema: str, servers: Settings, ending: Ending
) -> None:
    source = ending(plain(schema))
    assert f"there is no table {schema}.t" in bad(found(source, servers))
    world.do(TABLE.format(schema=schema))
    told = bad(found(source, servers))
    assert f"the role may not read {schema}.t" in told
    assert "REPLICA IDENTITY" in told
    assert f"tidelake sources sql {source.name}" in told
    world.do(run("sources", "sql", source.name).stdout)
    told = bad(found(source, servers))
    assert f"id is not unique in {schema}.t" in told
    assert "amount: total is double precision / amount: {field: total, cast: decimal(18,2)}" in told
    assert "a row would be quarantined: country: missing" in told
    world.do(f"CREATE UNIQUE INDEX ON {schema}.t (id); DELETE FROM {schema}.t WHERE id = 2")
    source = plain(schema, amount={"field": "total", "cast": "decimal(18,2)"})
    findings = found(source, servers)
    assert bad(findings) == ""
    assert any('"amount": "3.50"' in each.what for each in findings if each.what.startswith("a sale"))
    # It only looked: neither a slot nor a connector was made.
    assert world.ask(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = '{source.slot_name}'") == []


def test_the_owners_script_waits_for_an_analysis_of_the_table(schema: str, servers: Settings) -> None:
    """Autovacuum begins one at any time; it writes the table's row of the catalogue under the lock that it holds."""
    world.do(TABLE.format(schema=schema))
    table = f"{schema}.t"
    waits = f"SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"
    with ThreadPoolExecutor(1) as beside, world.owner() as opened, opened.cursor() as analysis:
        analysis.execute(f"BEGIN; LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        script = beside.submit(world.prepare, plain(schema), servers)
        world.until(lambda: world.ask(waits))
        analysis.execute(f"ANALYZE {table}; COMMIT")
        script.result(60)


def test_a_column_that_is_not_there_is_named(schema: str, servers: Settings) -> None:
    world.do(TABLE.format(schema=schema))
    source = plain(schema, city="town")
    world.prepare(plain(schema), servers)
    assert f"{schema}.t has no column town" in bad(found(source, servers))


def test_a_role_and_a_server_that_are_not_ready_are_told_with_the_cure(
    schema: str, servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"r{schema}"
    world.do(f"CREATE ROLE {role} LOGIN PASSWORD 'r'; GRANT CONNECT ON DATABASE shop TO {role}")
    known = {**parse_dsn(servers.replication_dsn.get_secret_value()), "user": role, "password": "r"}
    monkeypatch.setenv("PLAIN_DSN", str(make_dsn(**known)))
    source = world.defined(name=f"c{schema}", table=f"{schema}.t", dsn={"env": "PLAIN_DSN"})
    world.do("ALTER SYSTEM SET max_slot_wal_keep_size = -1")
    try:
        world.do("SELECT pg_reload_conf()")
        world.until(lambda: "max_slot_wal_keep_size is without a limit / set a limit" in bad(found(source, servers)))
        assert f"the role {role} may not replicate / ALTER ROLE {role} REPLICATION" in bad(found(source, servers))
    finally:
        world.do("ALTER SYSTEM RESET max_slot_wal_keep_size")
        world.do("SELECT pg_reload_conf()")
        world.do(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_sales_of_several_tables_are_shown(schema: str, servers: Settings) -> None:
    world.do(TABLES.format(schema=schema))
    source = erp(schema)
    world.prepare(source, servers)
    findings = found(source, servers)
    assert bad(findings) == ""
    assert sum(each.what.startswith("a sale") for each in findings) == 5


def test_a_database_that_does_not_answer_is_a_finding(
    schema: str, servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWAY_DSN", "postgresql://nobody:secret-word@127.0.0.1:1/none")
    source = world.defined(name="away", table="public.t", dsn={"env": "AWAY_DSN"})
    told = bad(found(source, servers))
    assert "does not answer" in told
    assert "secret-word" not in told
