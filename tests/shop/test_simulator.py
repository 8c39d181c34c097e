"""The shop's changes reach the real table, are the same for the same seed, and are all told truthfully."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from rankings import oracle
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.sale import Sale
from runtime.errors import Retryable
from stack.shop.simulator import Change, Kind, Shop, all_sales

pytestmark = pytest.mark.servers

UNTIL = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MOVED = {
    Kind.AMOUNT: ("amount",),
    Kind.CITY: ("city",),
    Kind.SALESMAN: ("salesman_id",),
    Kind.COUNTRY: ("country", "city", "salesman_id"),
    Kind.DAY: ("occurred_at",),
}


def shop(dsn: str, seed: int = 1) -> Shop:
    return Shop(dsn, seed=seed, days=7, until=UNTIL)


def by_id(sales: list[Sale]) -> dict[str, Sale]:
    return {sale.sale_id: sale for sale in sales}


def test_a_load_brings_that_many_sales_and_a_second_one_others(dsn: str) -> None:
    batches: list[int] = []
    with shop(dsn) as opened:
        opened.load(7_000, batches.append)
    with shop(dsn) as opened:
        opened.load(1_000)
    assert batches == [5_000, 2_000]
    assert len(by_id(all_sales(dsn))) == 8_000
    assert len({(sale.occurred_at, sale.amount) for sale in all_sales(dsn)}) > 7_990


@pytest.mark.parametrize("kind", MOVED)
def test_an_update_changes_what_its_kind_says(dsn: str, kind: Kind) -> None:
    with shop(dsn) as opened:
        opened.load(50)
        change = opened.make(kind)
    assert change.before
    assert change.after
    assert change.kind is kind
    for column in MOVED[kind]:
        assert getattr(change.before, column) != getattr(change.after, column)
    assert by_id(all_sales(dsn))[change.after.sale_id] == change.after


def test_a_deleted_sale_can_return(dsn: str) -> None:
    with shop(dsn) as opened:
        opened.load(3)
        gone = opened.make(Kind.DELETE)
        assert gone.before
        assert gone.before.sale_id not in by_id(opened.all_sales())
        back = opened.make(Kind.RETURN)
        assert back.after
        assert back.after.sale_id == gone.before.sale_id
        assert by_id(opened.all_sales())[back.after.sale_id] == back.after


def test_an_empty_table_gets_an_insert_whatever_is_asked_for(dsn: str) -> None:
    with shop(dsn) as opened:
        assert [opened.make(kind).kind for kind in (Kind.DELETE, Kind.RETURN)] == [Kind.INSERT, Kind.INSERT]


def changes(dsn: str, act: Callable[[Shop], None]) -> list[tuple[Kind, Sale | None, Sale | None]]:
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE public.sales")
    made: list[Change] = []
    with shop(dsn) as opened:
        opened.load(100)
        act(opened)
        opened.run(rate=2_000, seconds=0.2, on_change=made.append)
    return [(change.kind, change.before, change.after) for change in made]


def test_the_same_seed_gives_the_same_changes_of_every_kind(dsn: str) -> None:
    first = changes(dsn, lambda opened: None)
    assert len(first) == 400
    assert {kind for kind, _, _ in first} == set(Kind)
    assert changes(dsn, lambda opened: None) == first


def test_a_sale_that_someone_else_deleted_is_left_alone(dsn: str) -> None:
    with shop(dsn) as opened:
        opened.load(5)
        with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM public.sales WHERE sale_id <> 'S000000003'")
        change = opened.make(Kind.AMOUNT)
        assert change.before
        assert change.before.sale_id == "S000000003"


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_the_oracle_and_group_by_agree(dsn: str, ranking: Ranking, zone: str) -> None:
    with shop(dsn) as opened:
        opened.load(2_000)
        opened.run(rate=5_000, seconds=0.1)
        found = opened.totals(ranking, ZoneInfo(zone))
        assert found == oracle.sums(ranking, opened.all_sales(), ZoneInfo(zone))
        assert len(found) > 100


def test_group_by_and_the_oracle_trim_and_normalize_alike(dsn: str) -> None:
    values = "('x', now(), ' Germany\n', E'Ko\u0308ln\\t', 'DE-1', ' Zo\u00eb ', 12.30, 'EUR')"
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO public.sales VALUES {values}")
    with shop(dsn) as opened:
        (sale,) = opened.all_sales()
        assert (sale.country, sale.city, sale.salesman) == ("Germany", "K\u00f6ln", "Zo\u00eb")
        for ranking in RANKINGS:
            assert opened.totals(ranking, ZoneInfo("UTC")) == oracle.sums(ranking, [sale], ZoneInfo("UTC"))


def test_a_database_that_is_away_is_worth_another_try() -> None:
    with pytest.raises(Retryable, match="tidelake up"):
        Shop("postgresql://shop@127.0.0.1:1/shop")
