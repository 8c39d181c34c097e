"""A sale spread over orders, their lines and employees: whatever is changed, and beside whatever, the log tells the
same sales as one query over the three tables."""

from __future__ import annotations

import random
import threading
import time
from decimal import Decimal

import psycopg2
import pytest

from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.joined import see
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending

pytestmark = pytest.mark.servers

TABLES = """
CREATE TABLE {schema}.employees (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE {schema}.orders (
    id bigint PRIMARY KEY, placed_at timestamptz NOT NULL, country text NOT NULL, city text NOT NULL,
    employee_id int REFERENCES {schema}.employees ON DELETE SET NULL ON UPDATE CASCADE, currency char(3) NOT NULL
);
CREATE TABLE {schema}.order_lines (
    order_id bigint NOT NULL, line_no int NOT NULL, unit_price numeric(12, 2) NOT NULL, quantity int NOT NULL,
    discount numeric(4, 3) NOT NULL DEFAULT 0, PRIMARY KEY (order_id, line_no)
);
CREATE INDEX ON {schema}.orders (employee_id);
INSERT INTO {schema}.employees SELECT n, 'E' || n FROM generate_series(1, 5) n;
INSERT INTO {schema}.orders
SELECT n, '2026-03-01T12:00:00Z', 'Germany', 'Köln', n % 5 + 1, 'EUR' FROM generate_series(1, 20) n;
INSERT INTO {schema}.order_lines
SELECT o, l, o * 1.1, l, 0.1 FROM generate_series(1, 20) o, generate_series(1, 3) l;
"""

TRUTH = """
SELECT l.order_id || '-' || l.line_no, round(l.unit_price * l.quantity * (1 - l.discount), 2), o.city, o.country,
    e.id::text, e.name
FROM {schema}.order_lines l
JOIN {schema}.orders o ON o.id = l.order_id
JOIN {schema}.employees e ON e.id = o.employee_id
"""

PRICE, QUANTITY = "CAST(unit_price AS decimal(12,2))", "CAST(quantity AS decimal(9,0))"
AMOUNT = f"round({PRICE} * {QUANTITY} * (1 - CAST(discount AS decimal(4,3))), 2)"


def erp(schema: str) -> PostgresSource:
    return world.defined(
        name=f"e{schema}",
        table=f"{schema}.order_lines",
        joins=[
            {"table": f"{schema}.orders", "name": "order", "on": {"id": "order_id"}},
            {"table": f"{schema}.employees", "name": "employee", "on": {"id": "order.employee_id"}},
        ],
        fields={
            "sale_id": {"sql": "order_id || '-' || line_no"},
            "occurred_at": "order_placed_at",
            "country": "order_country",
            "city": "order_city",
            "salesman_id": "employee_id",
            "salesman": "employee_name",
            "amount": {"sql": AMOUNT, "cast": "decimal(18,2)"},
            "currency": "order_currency",
        },
    )


@pytest.fixture
def source(schema: str, servers: Settings, ending: Ending) -> PostgresSource:
    world.do(TABLES.format(schema=schema))
    found = ending(erp(schema))
    world.prepare(found, servers)
    world.well(found, servers)
    return found


def truth(schema: str) -> dict[str, tuple[object, ...]]:
    return {name: tuple(rest) for name, *rest in world.ask(TRUTH.format(schema=schema))}


def told(source: PostgresSource, chosen: Settings) -> dict[str, tuple[object, ...]]:
    return {
        name: (s.amount, s.city, s.country, s.salesman_id, s.salesman)
        for name, s in world.sales(source, chosen).items()
    }


def test_changes_of_every_table_and_of_several_in_one_transaction(
    source: PostgresSource, servers: Settings, schema: str
) -> None:
    with world.runner(source, servers) as read:

        def agree() -> bool:
            read()
            return told(source, servers) == truth(schema)

        world.until(agree)
        assert len(truth(schema)) == 60
        for statements in (
            "UPDATE {s}.orders SET city = 'Bonn' WHERE id = 1",
            "UPDATE {s}.order_lines SET quantity = 9, discount = 0.333 WHERE order_id = 2 AND line_no = 1",
            "UPDATE {s}.employees SET name = 'Anna' WHERE id = 3",
            "BEGIN; UPDATE {s}.orders SET city = 'Ulm' WHERE id = 3;"
            " UPDATE {s}.order_lines SET unit_price = 1 WHERE order_id = 3;"
            " INSERT INTO {s}.order_lines VALUES (3, 4, 5, 6); COMMIT",
            "DELETE FROM {s}.order_lines WHERE order_id = 4 AND line_no = 2",
            "BEGIN; DELETE FROM {s}.order_lines WHERE order_id = 5; DELETE FROM {s}.orders WHERE id = 5; COMMIT",
            "DELETE FROM {s}.orders WHERE id = 6",  # its lines stay, and are no sales without it
            "UPDATE {s}.order_lines SET order_id = 8, line_no = 10 WHERE order_id = 7 AND line_no = 1",
            "UPDATE {s}.orders SET id = 700 WHERE id = 7",  # its lines stay behind
            "UPDATE {s}.order_lines SET order_id = 700 WHERE order_id = 7",
            "UPDATE {s}.employees SET id = 50 WHERE id = 5",  # cascades to its orders
            "DELETE FROM {s}.employees WHERE id = 2",  # its orders have no employee then
            "INSERT INTO {s}.orders VALUES (6, now(), 'Chile', 'Talca', 1, 'EUR')",
            "ALTER TABLE {s}.orders ADD COLUMN note text; UPDATE {s}.orders SET note = 'n', city = 'Hof' WHERE id = 9",
            "ALTER TABLE {s}.order_lines ALTER COLUMN quantity TYPE bigint;"
            " UPDATE {s}.order_lines SET quantity = 7 WHERE order_id = 9; ALTER TABLE {s}.orders DROP COLUMN note",
        ):
            world.do(statements.format(s=schema))
            world.until(agree)


def test_concurrent_transactions_leave_what_one_query_tells(
    source: PostgresSource, servers: Settings, schema: str
) -> None:
    """Three writers change overlapping orders, lines and employees while the source is read."""
    stop = threading.Event()
    writers = [threading.Thread(target=_write, args=(schema, number, stop)) for number in range(3)]
    with world.runner(source, servers) as read:
        for each in writers:
            each.start()
        give_up = time.monotonic() + 4
        while time.monotonic() < give_up:
            read()
            time.sleep(0.05)
        stop.set()
        for each in writers:
            each.join()
        world.until(lambda: read() or told(source, servers) == truth(schema))


def _write(schema: str, number: int, stop: threading.Event) -> None:
    choose = random.Random(number)
    level = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")[number]
    with world.owner() as opened:
        opened.autocommit = False
        while not stop.is_set():
            try:
                with opened, opened.cursor() as cursor:
                    cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
                    for _ in range(choose.randint(1, 3)):
                        cursor.execute(_change(choose).format(s=schema))
                    time.sleep(choose.random() * 0.02)
            except (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected):
                continue


def _change(choose: random.Random) -> str:
    order, line, employee = choose.randint(1, 20), choose.randint(1, 4), choose.randint(1, 5)
    return choose.choice(
        (
            f"UPDATE {{s}}.orders SET city = 'C{choose.randint(1, 99)}' WHERE id = {order}",
            f"UPDATE {{s}}.orders SET employee_id = {employee} WHERE id = {order}",
            f"UPDATE {{s}}.order_lines SET quantity = {choose.randint(1, 99)} WHERE order_id = {order}",
            f"INSERT INTO {{s}}.order_lines VALUES ({order}, {line}, 3, 2) ON CONFLICT DO NOTHING",
            f"DELETE FROM {{s}}.order_lines WHERE order_id = {order} AND line_no = {line}",
            f"UPDATE {{s}}.employees SET name = 'N{choose.randint(1, 99)}' WHERE id = {employee}",
            f"DELETE FROM {{s}}.orders WHERE id = {order}",
            f"INSERT INTO {{s}}.orders VALUES ({order}, '2026-03-01T12:00:00Z', 'Chile', 'Talca', {employee}, 'EUR')"
            " ON CONFLICT DO NOTHING",
        )
    )


def test_an_employee_of_many_orders_is_read_in_pages(source: PostgresSource, servers: Settings, schema: str) -> None:
    world.do(
        f"INSERT INTO {schema}.orders SELECT n, now(), 'Chile', 'Talca', 4, 'EUR' FROM generate_series(1000, 1800) n"
    )
    world.do(
        f"INSERT INTO {schema}.order_lines SELECT n, l, 1, 1"
        " FROM generate_series(1000, 1800) n, generate_series(1, 3) l"
    )
    with world.runner(source, servers) as read:
        world.until(lambda: read() or len(world.sales(source, servers)) == 60 + 3 * 801)
        world.do(f"UPDATE {schema}.employees SET name = 'Many' WHERE id = 4")
        world.until(lambda: read() or told(source, servers) == truth(schema))


def test_truncate_of_any_table(source: PostgresSource, servers: Settings, schema: str) -> None:
    with world.runner(source, servers) as read:
        world.until(lambda: read() or told(source, servers) == truth(schema))
        world.do(f"TRUNCATE {schema}.orders; INSERT INTO {schema}.orders VALUES (1, now(), 'Chile', 'Talca', 1, 'EUR')")
        world.alarmed(source, servers, "TRUNCATE")
        world.well(source, servers)
        world.until(lambda: read() or told(source, servers) == truth(schema))
        assert set(told(source, servers)) == {"1-1", "1-2", "1-3"}
        world.do(f"TRUNCATE {schema}.order_lines")
        world.alarmed(source, servers, "TRUNCATE")
        world.well(source, servers)
        world.until(lambda: read() or told(source, servers) == {})


def test_a_dropped_column_stops_the_source_alone_and_it_goes_on_with_the_definition(
    source: PostgresSource, servers: Settings, schema: str
) -> None:
    with world.runner(source, servers) as read:
        world.until(lambda: read() or told(source, servers) == truth(schema))
        world.do(f"ALTER TABLE {schema}.orders RENAME COLUMN city TO town; UPDATE {schema}.orders SET town = 'Bonn'")
        with pytest.raises(Permanent, match="city"):
            world.until(read)
    fields = {**source.fields.model_dump(exclude_none=True), "city": "order_town"}
    fields.pop("deleted")
    changed = world.defined(
        name=source.name, table=source.table, joins=[each.model_dump() for each in source.joins], fields=fields
    )
    with world.runner(changed, servers) as read:
        world.until(lambda: read() or {sale.city for sale in world.sales(changed, servers).values()} == {"Bonn"})


def test_a_snapshot_is_taken_only_when_it_holds_the_changes_transaction(servers: Settings) -> None:
    """A commit is in the server's log before others see it: here it is held open for a second."""
    with world.owner() as writer, world.owner() as other:
        writer.autocommit = False
        with writer.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE held (n int)")
            cursor.execute("SELECT pg_current_xact_id()::text")
            (transaction,) = cursor.fetchone() or ("0",)
        began = time.monotonic()
        timer = threading.Timer(1.0, writer.commit)
        timer.start()
        other.autocommit = False
        see(other, {int(transaction) % (1 << 32)})
        assert time.monotonic() - began >= 0.9
        timer.join()
        other.rollback()


def test_money_of_the_database_and_of_the_mapping_agree_to_the_cent(
    source: PostgresSource, servers: Settings, schema: str
) -> None:
    world.do(f"UPDATE {schema}.order_lines SET unit_price = 1.15, quantity = 1, discount = 0.1 WHERE order_id = 1")
    with world.runner(source, servers) as read:
        world.until(lambda: read() or told(source, servers) == truth(schema))
    assert world.amounts(source, servers)["1-1"] == Decimal("1.04")
