"""Published versions can be verified, listed, gone back to and compared; caring for the lake changes none of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from pyarrow import parquet
from pydantic import SecretStr

from batch import care, show
from batch.checks import Check
from batch.clickhouse import Store
from batch.history import diff, publications, rollback
from batch.progress import Quiet
from batch.reconcile import Published
from batch.source import compare
from batch.verify import published_row, verify
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.render import shapes
from rankings.topics import SHOP_SALES
from runtime.errors import Permanent
from serving.stores.postgres import Postgres, PostgresTotals
from tests.batch.beginning import Begun
from tests.batch.live import lived, told
from tests.batch.log import START, Log, partitions
from tests.batch.test_days import Till
from tests.batch.test_reconcile import Pulled, PullsThePlug, assert_published, data_files
from tests.batch.world import World, grown, published

pytestmark = pytest.mark.servers


def wrong(found: Iterable[Check]) -> list[str]:
    """What does not hold."""
    return [each.what for each in found if not each.holds]


def test_a_version_is_recomputed_from_the_lake_and_what_was_altered_is_found(begun: Begun) -> None:
    world, log, _ = begun
    published(world, grown(world, log, 60))
    for version in (1, 2):
        found = verify(version, world.settings, Quiet())
        assert wrong(found) == []
        assert len(found) == 4 + 1 + 4 * len(RANKINGS)
    world.postgres("UPDATE totals SET amount = amount + 1 WHERE version = 1 AND ranking = %s", (RANKINGS[0].name,))
    world.spark.sql("DELETE FROM lake.bronze.log WHERE offset = 3 AND topic = 'events.rest'")
    world.spark.sql("DELETE FROM lake.bronze.log WHERE offset = 4 AND topic = 'events.files'")
    names = wrong(verify(2, world.settings, Quiet()))
    assert f"PostgreSQL {RANKINGS[0].name}" in names
    assert f"ClickHouse {RANKINGS[0].name}" not in names
    assert "records" in names
    with pytest.raises(Permanent, match=r"never published.*1, 2"):
        verify(7, world.settings, Quiet())


def test_going_back_pins_every_store_to_the_older_version(begun: Begun, capsys: pytest.CaptureFixture[str]) -> None:
    world, log, through = begun
    published(world, grown(world, log, 80))
    fallback = PostgresTotals(Postgres(world.settings.platform_dsn, 5))
    assert (fallback.published() or ANY).version == 2
    assert rollback(1, world.settings).version == 1
    now = fallback.published()
    assert now is not None
    assert (now.version, now.boundary, now.versions) == (1, through, (1,))
    assert_published(world, 1, log.before(through))
    found = publications(world.settings)
    assert [(each.row.version, each.current) for each in found] == [(2, False), (1, True)]
    show.publications(found, as_json=False)
    assert "●" in capsys.readouterr().out
    assert published(world, grown(world, log, 20)).certificate.versions == (1, 3)
    assert_published(world, 3, log.before(log.now))


def test_two_versions_are_compared_down_to_the_sales(begun: Begun) -> None:
    world, log, first = begun
    second = grown(world, log, 40)
    published(world, second)
    subjects, sales = diff(world.spark, 1, 2, TOP_SALES_PER_CITY, 100)
    before, after = (world.expected(TOP_SALES_PER_CITY, log.before(at)) for at in (first, second))
    totals: dict[tuple[object, ...], list[Decimal]] = {}
    for number, sums in enumerate((before, after)):
        for (_, currency, *subject), (amount, _count) in sums.items():
            totals.setdefault((currency, *subject), [Decimal(0), Decimal(0)])[number] += amount
    told = {(each.currency, *each.subject): [each.was_amount, each.amount] for each in subjects}
    assert told == {key: both for key, both in totals.items() if both[0] != both[1]}
    for each in subjects:
        change = Decimal(0)
        for sale in sales:
            for sign, fields in ((-1, sale.was), (1, sale.now)):
                if fields and (fields["currency"], fields["country"], fields["city"]) == (each.currency, *each.subject):
                    change += sign * fields["amount"]
        assert change == each.amount - each.was_amount


def test_care_changes_no_answer_and_drops_what_is_not_kept(begun: Begun) -> None:
    world, log, _ = begun
    world.settings = world.settings.model_copy(update={"keep_versions": 2, "longest_chain": 2})
    for count in (30, 30, 30):
        published(world, grown(world, log, count))
    old = {"second": datetime(2026, 2, 1, tzinfo=UTC), "business_day": datetime(2026, 2, 1).date(), "currency": "EUR"}
    row = {**old, "country": "X", "city": "Y", "amount": Decimal(1), "sales": 1, "records": 1}
    world.insert(TOP_SALES_PER_CITY.live_table, [row])
    care.care(world.settings, Quiet())
    assert_published(world, 4, log.before(log.now))
    assert world.clickhouse(f"SELECT count() FROM {TOP_SALES_PER_CITY.live_table}") == [(0,)]
    assert {version for (version,) in world.postgres("SELECT DISTINCT version FROM totals")} == {3, 4}
    day = datetime(2026, 3, 1)
    assert world.clickhouse(shapes.kept()) == [(4, [3, 4], day)]
    assert world.postgres("SELECT live_kept_from FROM care") == [(day.replace(tzinfo=UTC),)]
    tags = world.spark.sql("SELECT name FROM lake.silver.sales.refs WHERE type = 'TAG'").collect()
    assert {each.name for each in tags} == {"v3", "v4"}
    assert wrong(verify(4, world.settings, Quiet())) == []
    with pytest.raises(Permanent, match="no longer whole in the stores"):
        rollback(2, world.settings)
    assert published(world, grown(world, log, 30)).certificate.versions == (5,)
    assert_published(world, 5, log.before(log.now))


def test_each_file_of_silver_holds_its_sales_by_key_whoever_wrote_it(begun: Begun) -> None:
    world, log, _ = begun
    assert_by_key(world)
    for count in (30, 30, 30, 30):
        published(world, grown(world, log, count))
    assert_by_key(world)
    many = len(data_files(world))
    care.care(world.settings, Quiet())
    assert len(data_files(world)) < many
    assert_by_key(world)


def assert_by_key(world: World) -> None:
    """Whether each file's sales follow each other by source and id."""
    held = [parquet.read_table(path, columns=["source", "sale_id"]).to_pylist() for path in data_files(world)]
    keys = [[(row["source"], row["sale_id"]) for row in rows] for rows in held]
    assert max(map(len, keys)) > 1
    assert all(each == sorted(each) for each in keys)


def test_care_drops_old_files_that_no_snapshot_knows_and_no_others(begun: Begun) -> None:
    world, log, _ = begun
    published(world, grown(world, log, 30))
    known = known_files(world)
    old, fresh = ([folder / name for folder in {path.parent for path in known}] for name in ("old", "fresh"))
    for path in (*old, *fresh):
        path.write_bytes(b"left by a writer that was killed")
    for path in (*old, *known):
        os.utime(path, times=((datetime.now(UTC) - care.ORPHANS).timestamp() - 60,) * 2)
    care.care(world.settings, Quiet())
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (*fresh, *known))
    for version in (1, 2):
        assert wrong(verify(version, world.settings, Quiet())) == []


def known_files(world: World) -> set[Path]:
    """All data files that a snapshot knows, also an older one."""
    names = ("bronze.log", "silver.sales", "silver.quarantine", *(f"gold.{each.gold_table}" for each in RANKINGS))
    rows = (world.spark.sql(f"SELECT file_path FROM lake.{name}.all_files").collect() for name in names)
    return {Path(urlsplit(row.file_path).path) for table in rows for row in table}


@pytest.mark.parametrize("killed", [False, True])
def test_care_keeps_the_live_deltas_since_the_older_version_that_answers_went_back_to(
    begun: Begun, killed: bool
) -> None:
    world, log, through = begun
    world.settings = world.settings.model_copy(update={"keep_versions": 2})
    for _ in range(2):
        log.now += timedelta(days=1)
        published(world, grown(world, log, 30))
    lived(world, told(world, log.records), log.records)
    of_version = f"SELECT count() FROM {TOP_SALES_PER_CITY.live_table} WHERE second >= '{through:%Y-%m-%d %H:%M:%S}'"
    before = world.clickhouse(of_version)
    store = Store.of(world.settings)
    if killed:  # behind the row that flips the answers, before the ledger knows
        store.publish(store.published(1) or ANY, store.next_moment())
    else:
        rollback(1, world.settings)
    care.care(world.settings, Quiet())
    assert world.clickhouse(of_version) == before
    assert_published(world, 1, log.before(through))
    fallback = PostgresTotals(Postgres(world.settings.platform_dsn, 5))
    assert (fallback.published() or ANY).version == 1


@pytest.mark.parametrize("step", ["gold", "load"])
@pytest.mark.parametrize("full", [False, True])
def test_care_leaves_what_a_run_needs_that_is_taken_up(begun: Begun, step: str, full: bool) -> None:
    world, log, _ = begun
    through = grown(world, log, 40)
    with pytest.raises(Pulled):
        world.reconcile(through, PullsThePlug(step), full=full)
    care.care(world.settings, Quiet(), snapshots=timedelta())
    outcome = world.reconcile(through, full=full)
    assert isinstance(outcome, Published)
    assert outcome.version == 3
    assert_published(world, 3, log.before(through))


def test_what_is_superseded_can_be_dropped_and_the_rest_still_rebuilds_the_history(begun: Begun) -> None:
    world, log, _ = begun
    published(world, grown(world, log, 50))
    before = world.spark.table("lake.bronze.log").count()
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    assert world.spark.table("lake.bronze.log").count() < before
    outcome = world.reconcile(grown(world, log, 20), full=True)
    assert isinstance(outcome, Published)
    assert_published(world, 3, log.before(log.now))
    with pytest.raises(Permanent, match="can't be recomputed"):
        verify(1, world.settings, Quiet())


def test_what_no_version_has_read_yet_is_not_dropped(begun: Begun) -> None:
    world, log, _ = begun
    grown(world, log, 50)
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    published(world, grown(world, log, 20))
    assert_published(world, 2, log.before(log.now))


def test_what_a_clock_that_went_back_has_dated_before_it_is_not_dropped_either(begun: Begun) -> None:
    world, log, through = begun
    log.now = START - timedelta(hours=3)
    first = len(log.records)
    log.grow(60)
    world.write(log.records[first:])
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    log.now = through + timedelta(seconds=30)
    published(world, grown(world, log, 5))
    assert_published(world, 2, log.before(log.now))


def test_an_hour_of_which_records_were_dropped_still_tells_that_a_clock_went_back_to_it(begun: Begun) -> None:
    world, log, through = begun
    log.now = through + timedelta(hours=3)
    published(world, grown(world, log, 50))
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    first, log.now = len(log.records), START
    log.grow(5)
    world.write(log.records[first:])
    log.now = through + timedelta(hours=4)
    published(world, grown(world, log, 5))
    assert_published(world, 3, log.before(log.now))


def nights(world: World, *told: tuple[int, str]) -> tuple[Till, datetime]:
    """A version of so many hours ago for each of some sales that are told; then what is superseded for a day goes."""
    log, now = Till(seed=0), datetime.now(UTC).replace(microsecond=0)
    for ago, sale in told:
        first, log.now = len(log.records), now - timedelta(hours=ago)
        log.tell(sale, "2026-01-05T12:00:00Z", f"{ago}.00")
        published(world, log.closed(world, first))
    world.settings = world.settings.model_copy(update={"bronze_keep_days": 1})
    care.care(world.settings, Quiet())
    return log, now


def test_a_kept_version_can_be_recomputed_though_a_later_one_supersedes_its_records(world: World) -> None:
    nights(world, (72, "1"), (2, "2"), (1, "1"))
    for version in (2, 3):
        assert wrong(verify(version, world.settings, Quiet())) == []
    with pytest.raises(Permanent, match="version 1 can't be recomputed"):
        verify(1, world.settings, Quiet())


def test_what_was_dropped_is_not_missing_in_a_full_run_that_goes_back_behind_it(world: World) -> None:
    log, now = nights(world, (30, "1"), (2, "1"))
    rollback(1, world.settings)
    through = now - timedelta(hours=4)
    with pytest.raises(Permanent, match="can't be recomputed"):
        world.reconcile(through, full=True)
    assert published(world, through).certificate.versions == (1, 4)
    assert_published(world, 4, log.before(through))


def shop(world: World) -> None:
    """An empty table of sales as the source."""
    world.settings = world.settings.model_copy(
        update={"source_dsn": SecretStr(world.settings.platform_dsn.get_secret_value())}
    )
    world.postgres("DROP TABLE IF EXISTS public.sales")
    world.postgres(
        "CREATE TABLE public.sales (sale_id text PRIMARY KEY, occurred_at timestamptz, country text, city text, "
        "salesman_id text, salesman text, amount numeric(18, 2), currency char(3))"
    )


def in_shop(world: World) -> list[tuple[Any, ...]]:
    """The shop's table holds what version 1 does; its rows."""
    shop(world)
    columns = ("sale_id", "occurred_at", "country", "city", "salesman_id", "salesman", "amount", "currency")
    told = world.spark.table("lake.silver.sales").where(f"topic = '{SHOP_SALES}' AND NOT deleted")
    kept = [tuple(each) for each in told.select(*columns).collect()]
    assert len(kept) > 10
    for each in kept:
        values = (each[0], each[1].astimezone(UTC), f" {each[2]}", *each[3:])
        world.postgres(f"INSERT INTO public.sales VALUES ({', '.join(['%s'] * len(columns))})", values)
    return kept


def marked_later(world: World, log: Log) -> None:
    """The lake is complete for the next ten minutes."""
    log.now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    first = len(log.records)
    log.mark()
    world.write(log.records[first:])


def test_the_source_is_compared_at_one_moment_and_each_sale_that_differs_is_listed(begun: Begun) -> None:
    world, log, _ = begun
    row, kept = published_row(1, world.settings), in_shop(world)
    marked_later(world, log)
    wanted = [at for at in partitions() if at[0] == SHOP_SALES]

    def audited() -> tuple[list[tuple[str, bool, bool]], set[tuple[Any, ...]]]:
        found = compare(world.spark, world.settings, row, wanted, lambda _: None)
        sales = [(key, source is not None, log is not None) for key, source, log in found.sales]
        return sales, {(*day[:2], day[2] - day[4], day[3] - day[5]) for day in found.days}

    assert audited() == ([], set())
    first_key, second_key = kept[0][0], kept[1][0]
    world.postgres("UPDATE public.sales SET amount = amount + 1 WHERE sale_id = %s", (first_key,))
    world.postgres("DELETE FROM public.sales WHERE sale_id = %s", (second_key,))
    world.postgres("INSERT INTO public.sales VALUES ('new', now(), 'a', 'b', 'c', NULL, 1, 'EUR')")
    expected = [(first_key, True, True), (second_key, False, True), ("new", True, False)]
    sales, days = audited()
    assert sorted(sales) == sorted(expected)
    zone = ZoneInfo(world.settings.business_time_zone)
    changed = [(kept[0][1], kept[0][7], 0, 1), (kept[1][1], kept[1][7], -1, -kept[1][6])]
    more: dict[tuple[date, str], list[Any]] = {}
    for at, currency, count, amount in (*changed, (datetime.now(UTC), "EUR", 1, 1)):
        day = more.setdefault((at.astimezone(zone).date(), currency), [0, 0])
        day[0], day[1] = day[0] + count, day[1] + amount
    assert days == {(*day, *change) for day, change in more.items() if any(change)}


def test_a_sale_whose_topic_was_given_more_partitions_is_compared_by_what_was_told_last(begun: Begun) -> None:
    world, log, _ = begun
    shop(world)
    world.postgres(
        "INSERT INTO public.sales VALUES ('moved', '2026-02-01T12:00:00Z', 'Germany', 'Bonn', 'p1', NULL, 2, 'EUR')"
    )
    first = len(log.records)
    for before, partition in ((10, 1), (5, 0)):
        log.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=before)
        told = {"source": "shop", "sale_id": "moved", "occurred_at": "2026-02-01T12:00:00Z", "currency": "EUR"}
        told |= {"country": "Germany", "city": "Bonn", "salesman_id": "p1", "amount": str(partition + 2)}
        log._put(SHOP_SALES, partition, b"moved", json.dumps(told).encode())
    log.now += timedelta(minutes=6)
    log.mark()
    world.write(log.records[first:])
    wanted = [at for at in partitions() if at[0] == SHOP_SALES]
    found = compare(world.spark, world.settings, published_row(1, world.settings), wanted, lambda _: None)
    assert "moved" not in {sale for sale, *_ in found.sales}
