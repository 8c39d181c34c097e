"""The process that maps tables is killed at every point: nothing is lost, nothing is told twice."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from decimal import Decimal

import pytest

from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.publisher import remembered
from streaming.sources.runner import COUNTS
from tests.sources.dying import reading
from tests.sources.log import committed
from tests.sources.postgres import test_joined, test_mapped, world
from tests.sources.postgres.conftest import Ending

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

POINTS = ("fetched", "quarantined", "produced", "committed")
ROWS, BAD = 4_500, 50
"""More rows than are read at a time, so that there is a batch before and after each point; every so many is no sale."""


def started(source: PostgresSource, chosen: Settings, topic: str, rows: int) -> PostgresSource:
    """Has Debezium read a source's rows."""
    world.prepare(source, chosen)
    world.well(source, chosen)
    # Not by the topic's length: that counts the ends of transactions, too, and records of one that is still open.
    world.until(lambda: len(committed(chosen, topic)) >= rows)
    return source


def told(source: PostgresSource, chosen: Settings) -> Counter[str]:
    """How often the log tells each sale."""
    return Counter(each["sale_id"] for each in committed(chosen, source.into, source.name))


def killed_at_every_point(source: PostgresSource, chosen: Settings) -> None:
    """One reading after the other, each killed at another point behind its first batch; what each has told remains."""
    before = told(source, chosen).total()
    for point in POINTS:
        assert reading(source, f"{point}:{1 if point == 'committed' else 2}") == -9
        now = told(source, chosen).total()
        assert now > before, "it was killed before it did anything"
        before = now


def quarantined(source: PostgresSource) -> list[tuple[int, str]]:
    """How often each refused record of a source came, and whether it is still open."""
    with closing(connect()) as client:
        query = "SELECT times, state FROM quarantine_records WHERE source = {s: String}"
        return [
            (int(times), str(state)) for times, state in client.query(query, parameters={"s": source.name}).result_rows
        ]


def test_a_mapped_table(schema: str, servers: Settings, ending: Ending) -> None:
    world.do(test_mapped.TABLE.format(schema=schema))
    world.do(
        f"TRUNCATE {schema}.deals; INSERT INTO {schema}.deals (made, cents, land, place, seller, code)"
        f" SELECT now(), n, CASE n % {BAD} WHEN 0 THEN 'XX' ELSE 'DE' END, 'Köln', 1, 1"
        f" FROM generate_series(1, {ROWS}) n"
    )
    source = ending(test_mapped.deals(schema))
    started(source, servers, source.written[0], ROWS)
    killed_at_every_point(source, servers)
    assert reading(source) == 0
    good = {name for (name,) in world.ask(f"SELECT id::text FROM {source.table} WHERE land = 'DE'")}
    assert told(source, servers) == Counter(good)
    bad = ROWS // BAD
    assert len(quarantined(source)) == bad
    assert remembered(servers, source.name)[COUNTS] == {"read": ROWS, "accepted": ROWS - bad, "quarantined": bad}
    world.do(f"UPDATE {source.table} SET cents = 7 WHERE cents < 10; DELETE FROM {source.table} WHERE cents = 11")
    world.do(f"UPDATE {source.table} SET land = 'CL', cents = 8 WHERE land = 'XX' AND cents = {BAD}")
    world.until(lambda: len(committed(servers, source.written[0])) >= ROWS + 11)
    for point in ("produced", "committed"):
        assert reading(source, point) == -9
    assert reading(source) == 0
    assert world.amounts(source, servers) == test_mapped.truth(source)
    assert told(source, servers).total() == len(good) + 11


def test_joined_tables(schema: str, servers: Settings, ending: Ending) -> None:
    world.do(test_joined.TABLES.format(schema=schema))
    world.do(f"INSERT INTO {schema}.order_lines SELECT 1, n, n, 1, 0 FROM generate_series(4, {ROWS}) n")
    source = ending(test_joined.erp(schema))
    rows = ROWS - 3 + 60
    started(source, servers, source.written[0], rows)
    killed_at_every_point(source, servers)
    assert reading(source) == 0
    assert told(source, servers) == Counter(list(test_joined.truth(schema)))
    assert test_joined.told(source, servers) == test_joined.truth(schema)
    # One change of an order leads to all of its lines, which are told in several transactions.
    world.do(
        f"UPDATE {schema}.orders SET city = 'Bonn' WHERE id = 1; DELETE FROM {schema}.order_lines WHERE line_no = 9"
    )
    world.until(lambda: len(committed(servers, source.written[1])) >= 1)
    for point in ("produced", "committed"):
        assert reading(source, f"{point}:3") == -9
    assert reading(source) == 0
    assert test_joined.told(source, servers) == test_joined.truth(schema)
    assert world.amounts(source, servers)["1-100"] == Decimal(100)
