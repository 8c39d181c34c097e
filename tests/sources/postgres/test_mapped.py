"""A table of other types and codes: its records pass the mapping, and a definition that no longer fits stops it."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import pytest

from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from tests.sources.log import committed
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending

pytestmark = pytest.mark.servers

TABLE = """
CREATE TABLE {schema}.deals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), made timestamp NOT NULL, cents bigint, land char(2),
    place text, seller integer, status text NOT NULL DEFAULT 'open', code smallint NOT NULL
);
INSERT INTO {schema}.deals (made, cents, land, place, seller, code)
SELECT timestamp '2026-03-01 12:00' + n * interval '1 minute', n * 101, 'DE', ' Köln ', n % 3, 1
FROM generate_series(1, 5) n;
"""


def deals(schema: str, **fields: object) -> PostgresSource:
    told: dict[str, object] = {
        "sale_id": "id",
        "occurred_at": {"field": "made", "cast": "timestamp"},
        "country": {"sql": "CASE land WHEN 'DE' THEN 'Germany' WHEN 'CL' THEN 'Chile' END"},
        "city": {"sql": "left(trim(place), 20)"},
        "salesman_id": {"field": "seller", "cast": "varchar"},
        "amount": {"sql": "CAST(cents AS decimal(20,0)) * 0.01", "cast": "decimal(18,2)"},
        "currency": {"constant": "EUR"},
        "deleted": {"sql": "status = 'void'"},
    }
    return world.defined(name=f"d{schema}", table=f"{schema}.deals", fields={**told, **fields})


@pytest.fixture
def source(schema: str, servers: Settings, ending: Ending) -> PostgresSource:
    world.do(TABLE.format(schema=schema))
    found = ending(deals(schema))
    world.prepare(found, servers)
    world.well(found, servers)
    return found


def truth(source: PostgresSource) -> dict[str, Decimal]:
    rows = world.ask(f"SELECT id::text, cents FROM {source.table} WHERE status <> 'void' AND land IN ('DE', 'CL')")
    return {name: Decimal(cents) / 100 for name, cents in rows}


def test_rows_changes_and_deletions_of_either_kind_are_mapped(source: PostgresSource, servers: Settings) -> None:
    assert source.written == (f"raw.{source.name}.{source.table}",)
    with world.runner(source, servers) as read:
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        sale = next(each for each in world.sales(source, servers).values() if each.amount == Decimal("1.01"))
        assert (sale.country, sale.city, sale.occurred_at.isoformat()[:16]) == ("Germany", "Köln", "2026-03-01T12:01")
        world.do(f"UPDATE {source.table} SET cents = 1234567890123, land = 'CL' WHERE cents = 101")
        world.do(f"UPDATE {source.table} SET status = 'void' WHERE cents = 202")
        world.do(f"DELETE FROM {source.table} WHERE cents = 303")
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
    assert len(truth(source)) == 3


def test_what_the_mapping_does_not_read_may_change_and_types_too(source: PostgresSource, servers: Settings) -> None:
    with world.runner(source, servers) as read:
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        world.do(f"ALTER TABLE {source.table} ADD COLUMN more jsonb DEFAULT '{{}}', DROP COLUMN code")
        world.do(f"ALTER TABLE {source.table} ALTER COLUMN seller TYPE text, ALTER COLUMN cents TYPE numeric(20, 0)")
        world.do(f"UPDATE {source.table} SET cents = cents + 1, seller = 'S' || seller WHERE cents < 300")
        # Another key is another sale: the one before is deleted.
        world.do(f"UPDATE {source.table} SET id = gen_random_uuid() WHERE cents = 404")
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        sellers = {sale.salesman_id for sale in world.sales(source, servers).values()}
    assert (len(truth(source)), sellers) == (5, {"S1", "S2", "0", "1", "2"})


def reasons(source: PostgresSource) -> list[str]:
    """Why records of a source are in quarantine."""
    with closing(connect()) as client:
        query = "SELECT reason FROM quarantine_records WHERE source = {s: String}"
        return [str(reason) for (reason,) in client.query(query, parameters={"s": source.name}).result_rows]


def test_a_large_value_is_read_from_the_table_and_a_row_that_is_gone_is_quarantined(
    source: PostgresSource, servers: Settings
) -> None:
    world.do(f"ALTER TABLE {source.table} ALTER COLUMN place SET STORAGE EXTERNAL")
    world.do(f"UPDATE {source.table} SET place = repeat('c', 5000) WHERE cents = 404")
    world.do(f"UPDATE {source.table} SET cents = 405 WHERE cents = 404")
    with world.runner(source, servers) as read:
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        cities = {sale.amount: sale.city for sale in world.sales(source, servers).values()}
        assert cities[Decimal("4.05")] == "c" * 20
        assert reasons(source) == []
        Connect(servers).stop(source.name)
        world.do(f"UPDATE {source.table} SET cents = 406 WHERE cents = 405")
        world.do(f"DELETE FROM {source.table} WHERE cents = 406")
        Connect(servers).resume(source.name)
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
    assert reasons(source) == ["place: neither the change nor the table tells the value"]


def test_a_row_that_is_no_sale_is_quarantined_alone(source: PostgresSource, servers: Settings) -> None:
    world.do(
        f"UPDATE {source.table} SET land = 'XX' WHERE cents = 101;UPDATE {source.table} SET cents = 9 WHERE cents = 202"
    )
    with world.runner(source, servers) as read:
        world.until(lambda: read() or "0.09" in map(str, world.amounts(source, servers).values()))
    with closing(connect()) as client:
        query = "SELECT reason FROM quarantine FINAL WHERE startsWith(topic, {s:String}) OR source = {s:String}"
        (reasons,) = zip(*client.query(query, parameters={"s": source.name}).result_rows, strict=True)
    assert any(reason.startswith("country") for reason in reasons)


def test_a_dropped_column_stops_the_source_alone_and_nothing_is_passed_over(
    source: PostgresSource, servers: Settings, schema: str
) -> None:
    with world.runner(source, servers) as read:
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        world.do(f"ALTER TABLE {source.table} RENAME COLUMN cents TO pennies")
        world.do(f"UPDATE {source.table} SET pennies = pennies + 1; DELETE FROM {source.table} WHERE pennies = 102")
        with pytest.raises(Permanent, match=r"no column cents.*pennies"):
            world.until(read)
    changed = deals(
        schema, amount={"sql": "CAST(coalesce(pennies, cents) AS decimal(20,0)) * 0.01", "cast": "decimal(18,2)"}
    )
    with pytest.raises(Permanent, match="no column cents"), world.runner(changed, servers) as read:
        world.until(read)
    changed = deals(schema, amount={"sql": "CAST(pennies AS decimal(20,0)) * 0.01", "cast": "decimal(18,2)"})
    with world.runner(changed, servers) as read:
        rows = world.ask(f"SELECT id::text, pennies FROM {changed.table}")
        expected = {name: Decimal(cents) / 100 for name, cents in rows}
        world.until(lambda: read() or world.amounts(changed, servers) == expected)
    assert len(expected) == 4


def test_truncate_and_a_reading_on_command_go_through_the_mapping(source: PostgresSource, servers: Settings) -> None:
    with world.runner(source, servers) as read:
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        world.do(
            f"TRUNCATE {source.table};"
            f"INSERT INTO {source.table} (made, cents, land, place, seller, code)"
            " VALUES (now(), 500, 'CL', 'Talca', 1, 1)"
        )
        world.alarmed(source, servers, "TRUNCATE")
        world.well(source, servers)
        world.until(lambda: read() or world.amounts(source, servers) == truth(source))
        count = len(committed(servers, source.into))
        world.again(source, servers)
        world.well(source, servers)
        world.until(lambda: read() or len(committed(servers, source.into)) > count)
        assert world.amounts(source, servers) == truth(source)
