"""Whatever happens to sales in the shop's table, the live answer becomes exactly what the table says."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from rankings.sale import Sale
from runtime.settings import Settings
from stack.shop import table
from stack.shop.simulator import Kind, Shop
from tests.exactness.truth import Truth

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

TIMES = 8
"""How often a kind of change is made."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SALE = Sale("shop", "one", NOON, "Österreich", "Wien", "AT-1", "Zoë Müller", Decimal("19.90"), "EUR")


@pytest.fixture
def shop(stack: Settings) -> Iterator[Shop]:
    with Shop(stack.source_dsn.get_secret_value(), seed=3, days=40) as opened:
        yield opened


@pytest.fixture
def connection(stack: Settings) -> Iterator[Connection]:
    with closing(table.connect(stack.source_dsn.get_secret_value())) as opened:
        yield opened


def test_a_loaded_table_is_in_the_live_answer(shop: Shop, truth: Truth) -> None:
    shop.load(1000)
    truth.equals_live()
    truth.equals_merged()
    truth.equals_api()


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.RETURN])
def test_one_kind_of_change_alone(shop: Shop, truth: Truth, kind: Kind) -> None:
    assert [shop.make(kind).kind for _ in range(TIMES)] == [kind] * TIMES
    truth.equals_live()


def test_a_sale_that_was_deleted_comes_back(shop: Shop, truth: Truth) -> None:
    for _ in range(TIMES):
        shop.make(Kind.DELETE)
    truth.equals_live()
    assert [shop.make(Kind.RETURN).kind for _ in range(TIMES)] == [Kind.RETURN] * TIMES
    truth.equals_live()


def test_one_sale_through_all_its_states(connection: Connection, truth: Truth) -> None:
    states = [
        SALE,
        replace(SALE, amount=Decimal("0.01")),
        replace(SALE, amount=Decimal("-5.00"), city="Graz"),
        replace(SALE, city="Graz", salesman_id="AT-2", salesman="Ana"),
        replace(SALE, country="Schweiz", city="Zürich", currency="CHF"),
        replace(SALE, occurred_at=NOON - timedelta(days=400)),
        SALE,
    ]
    table.insert(connection, states[0])
    for state in states:
        table.update(connection, state)
        truth.equals_live()
    table.delete(connection, SALE.sale_id)
    truth.equals_live()
    table.insert(connection, replace(SALE, city="Linz"))
    truth.equals_live()


def test_all_states_of_a_sale_at_once(connection: Connection, truth: Truth) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    for number in range(20):
        of = replace(SALE, sale_id=f"busy-{number}")
        table.insert(connection, of)
        for city in ("Graz", "Linz", "Wien", "Graz"):
            table.update(connection, replace(of, city=city, amount=Decimal(number)))
        if number % 2:
            table.delete(connection, of.sale_id)
            table.insert(connection, replace(of, country="Italia", city="Roma"))
    with connection.cursor() as cursor:
        cursor.execute("COMMIT")
    truth.equals_live()


def test_what_is_rolled_back_never_was(connection: Connection, truth: Truth) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE public.sales SET amount = amount + 1000")
        cursor.execute("ROLLBACK")
        cursor.execute("UPDATE public.sales SET city = city WHERE sale_id = 'one'")
    truth.equals_live()


def test_a_sale_under_another_id(connection: Connection, truth: Truth) -> None:
    table.insert(connection, replace(SALE, sale_id="before", amount=Decimal("77.77")))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE public.sales SET sale_id = 'after' WHERE sale_id = 'before'")
    truth.equals_live()


TEXTS = (
    "Malmo\u0308", "Malm\u00f6", " Malm\u00f6\t", "M\u00fcnchen", "Mu\u0308nchen", "\u1112\u1161\u11ab", "\ud55c",
    "\u212bs", "東京", "القاهرة", "תל אביב", "Ἀθῆναι", "😀 city", "'; DROP TABLE sales; --", 'a "quoted" \\ one',
    "a\u2028b", "x" * 200, "NULL", "\\N", "nan", "null", "0", "\u00a0space", "\ufeffmark",
)  # fmt: skip


def test_text_of_every_kind(connection: Connection, truth: Truth) -> None:
    for number, text in enumerate(TEXTS):
        table.insert(connection, replace(SALE, sale_id=f"text-{number}", country=text, city=text, salesman_id=text))
        # The log knows ids by their normal form: in this table each is in that form, so that it is one id there too.
        sale_id = unicodedata.normalize("NFC", f"{text.strip()[:190]} {number}")
        table.insert(connection, replace(SALE, sale_id=sale_id, salesman=text))
    truth.equals_live()
    truth.equals_api()


def test_an_id_in_another_form(connection: Connection, truth: Truth) -> None:
    sale = replace(SALE, sale_id=" Ko\u0308ln ", city="K\u00f6ln")
    table.insert(connection, sale)
    truth.equals_live()
    table.update(connection, replace(sale, city="Ko\u0308ln", amount=Decimal("5.00")))
    truth.equals_live()
    table.delete(connection, sale.sale_id)
    truth.equals_live()


AMOUNTS = (
    "0.00", "0.01", "-0.01", "0.10", "9999999999999999.99", "-9999999999999999.99", "1234567890123456.78", "-0.99",
)  # fmt: skip


def test_amounts_to_the_last_cent(connection: Connection, truth: Truth) -> None:
    for currency in ("EUR", "JPY", "KWD"):
        for number, amount in enumerate(AMOUNTS * 3):
            sale = replace(SALE, sale_id=f"{currency}-{number}", amount=Decimal(amount), currency=currency)
            table.insert(connection, sale)
    truth.equals_live()
    truth.equals_api()


DAYS = (
    "1971-01-02T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2000-01-01T00:00:00Z", "2024-02-29T12:00:00Z",
    "2026-03-08T05:29:59.999999Z", "2026-03-08T05:30:00Z", "2026-11-01T03:29:59Z", "2026-11-01T03:30:00Z",
    "2026-01-01T03:29:59.999999Z", "2026-01-01T03:30:00Z", "2026-07-01T02:29:59.999999Z", "2026-07-01T02:30:00Z",
    "2038-01-19T03:14:08Z", "2099-12-31T23:59:59.999999Z",
)  # fmt: skip


def test_days_to_the_last_microsecond(connection: Connection, truth: Truth) -> None:
    for number, text in enumerate(DAYS):
        table.insert(connection, replace(SALE, sale_id=f"day-{number}", occurred_at=datetime.fromisoformat(text)))
    truth.equals_live()


def test_a_storm_of_all_kinds(shop: Shop, connection: Connection, truth: Truth) -> None:
    counts = shop.run(rate=400, seconds=5)
    assert set(counts) == set(Kind)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE public.sales SET amount = amount + 0.01, city = upper(city) WHERE sale_id LIKE 'S%5'")
        cursor.execute("DELETE FROM public.sales WHERE sale_id LIKE 'S%7'")
    truth.equals_live()
    truth.equals_merged()
    truth.equals_api()
