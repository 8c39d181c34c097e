"""A person or a sale that is forgotten is in no store and no file of the lake any more; the other figures stay."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batch.forget import FORGOTTEN, Asked, forget
from batch.forget import Record as Written
from batch.progress import Progress, Quiet
from batch.verify import verify
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.sale import Sale
from runtime.errors import Permanent
from runtime.settings import Settings
from tests.batch.beginning import Begun
from tests.batch.log import Log, Record, partitions
from tests.batch.test_history import wrong
from tests.batch.test_reconcile import At, Pulled, PullsThePlug, assert_published
from tests.batch.world import World, grown, published

pytestmark = pytest.mark.servers

AT = datetime(2026, 2, 1, tzinfo=UTC)
"""When the sales of some tests happened."""


class Writer:
    """Takes the log's place: what is written is in the lake at once, and so are marks of a minute later."""

    def __init__(self, world: World, log: Log) -> None:
        self._world, self._log = world, log

    def __call__(self, _: Settings, records: Sequence[Written]) -> None:
        first = len(self._log.records)
        self._log.now = datetime.now(UTC)
        for each in records:
            self._log._put(each.topic, each.partition, each.key or b"", each.payload)
        self._log.now += timedelta(minutes=1)
        self._log.mark()
        self._world.write(self._log.records[first:])


def forgotten(world: World, log: Log, asked: Asked, progress: Progress | None = None) -> int:
    """Forgets, in a lake that has come as far as the log; how many sales it was about."""
    first, log.now = len(log.records), datetime.now(UTC) + timedelta(minutes=1)
    log.mark()
    world.write(log.records[first:])
    return forget(asked, world.settings, progress or Quiet(), Writer(world, log), lambda _: partitions())


def sold_and_published(world: World, log: Log, sale: str) -> None:
    """A version that holds one more sale."""
    first = len(log.records)
    log.sold(sale, AT, "10.00")
    world.write(log.records[first:])
    published(world, grown(world, log, 0))


def told_of(text: str, world: World) -> int:
    """How many records of the lake's copy of the log hold a text."""
    rows = world.spark.table("lake.bronze.log").select("payload").collect()
    return sum(text in bytes(row.payload or b"").decode(errors="replace") for row in rows)


def files(world: World) -> set[Path]:
    """The lake's data files, whoever still knows them; other tests have left some, too."""
    return set(Path(urlsplit(world.settings.warehouse).path).rglob("*.parquet"))


def holding(text: str, paths: set[Path]) -> list[str]:
    """Those that hold a text."""
    import pyarrow.parquet as pq

    found = []
    for path in paths:
        rows = pq.read_table(path).to_pylist()
        if any(text in value for row in rows for value in map(str, row.values())):
            found.append(path.name)
    return found


def test_a_person_is_forgotten_and_the_cities_keep_their_sums(world: World) -> None:
    log, others = Log(seed=51), files(world)
    published(world, grown(world, log, 80))
    # What this sale was before has been dropped, and only its deletion tells of the person.
    log.gone("left", salesman_id=" p1", salesman="Person 1 the last")
    world.write(log.records[-1:])
    published(world, grown(world, log, 40))
    assert len(holding("Person 1 the last", files(world) - others)) == 1
    assert holding("Person 1 the", files(world) - others)
    cities = world.published(TOP_SALES_PER_CITY)
    assert forgotten(world, log, Asked(person="p1")) > 3
    assert world.published(TOP_SALES_PER_CITY) == cities
    people = {key[-1] for key in world.published(TOP_SALESMAN_IN_COUNTRY)}
    assert FORGOTTEN in people
    assert "p1" not in people
    for ranking in RANKINGS:
        assert world.published(ranking) == world.totals(ranking, 3)
    assert world.clickhouse("SELECT count() FROM labels WHERE key = 'p1'") == [(0,)]
    assert world.postgres("SELECT count(*) FROM labels WHERE key = 'p1'") == [(0,)]
    for table in ("totals", "drift"):
        assert world.postgres(f"SELECT count(*) FROM {table} WHERE 'p1' = ANY(subject)") == [(0,)]
    assert world.clickhouse("SELECT countIf(has(subject, 'p1')), count() > 0 FROM drift") == [(0, True)]
    assert holding("Person 1 the", files(world) - others) == []


def test_a_sale_is_forgotten(begun: Begun) -> None:
    world, log, _ = begun
    sale = next(each.said for each in log.records if isinstance(each.said, Sale))
    assert isinstance(sale, Sale)
    assert forgotten(world, log, Asked(sale=sale.key)) == 1
    for ranking in RANKINGS:
        assert world.published(ranking) == world.expected(ranking, log.before(log.now))
    kept = world.spark.table("lake.bronze.log").where(f"topic LIKE '%{sale.source}'").collect()
    told = [
        json.loads(row.payload) for row in kept if f'"{sale.sale_id}"' in (row.payload or b"").decode(errors="replace")
    ]
    assert [each.get("deleted") for each in told if each.get("source") == sale.source] == [True]
    with pytest.raises(Permanent, match="no sale of that kind"):
        forgotten(world, log, Asked(sale=("till", "never")))


def test_what_the_log_has_told_since_the_last_version_is_forgotten_and_stays_as_it_was_told_last(begun: Begun) -> None:
    world, log, _ = begun
    sold_and_published(world, log, "changed")
    first = len(log.records)
    log.sold("changed", AT, "20.00")
    log.sold("new", AT, "5.00")
    world.write(log.records[first:])
    cities = world.expected(TOP_SALES_PER_CITY, log.records)
    forgotten(world, log, Asked(person="p1"))
    assert world.published(TOP_SALES_PER_CITY) == cities
    assert "p1" not in {key[-1] for key in world.published(TOP_SALESMAN_IN_COUNTRY)}


def test_what_a_source_tells_while_a_sale_is_forgotten_comes_with_the_next_version(begun: Begun) -> None:
    world, log, _ = begun
    sold_and_published(world, log, "back")

    def told_again() -> None:
        first, log.now = len(log.records), datetime.now(UTC)
        log.sold("back", AT, "30.00")
        log.mark()
        world.write(log.records[first:])
        through.append(log.now)

    through: list[datetime] = []
    forgotten(world, log, Asked(sale=("till", "back")), At("forget", told_again))
    published(world, *through)
    assert_published(world, 4, log.before(*through))


class Adding(threading.Thread):
    """Adds to the lake while the block runs, as the lake job does, only faster."""

    def __init__(self, world: World) -> None:
        super().__init__(name="adding", daemon=True)
        self._world, self._ended, self.commits = world, threading.Event(), 0

    def __enter__(self) -> Adding:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Its whole life."""
        while not self._ended.wait(0.1):
            self._world.write([Record("events.files", 9, self.commits, b"mark", b'{"mark": "now"}', datetime.now(UTC))])
            self.commits += 1


def test_the_lake_grows_while_somebody_is_forgotten(begun: Begun) -> None:
    world, log, _ = begun
    with Adding(world) as adding:
        forgotten(world, log, Asked(person="p1"))
    assert adding.commits > 3


def test_refused_records_are_forgotten_too_and_the_version_without_them_can_be_verified(begun: Begun) -> None:
    world, log, _ = begun
    first = len(log.records)
    log._put("events.files", 0, b"r", b'{"source": "till", "sale_id": "r", "salesman_id": "p1", "amount": 1.5}')
    world.write(log.records[first:])
    published(world, grown(world, log, 20))
    assert told_of('"amount": 1.5}', world)
    forgotten(world, log, Asked(person="p1"))
    assert (told_of('"p1"', world), wrong(verify(3, world.settings, Quiet()))) == (0, [])


def test_a_refused_record_that_names_another_sale_stays(begun: Begun) -> None:
    world, log, _ = begun
    first = len(log.records)
    log.sold("7", AT, "10.00")
    for source, sale in (("till", "7"), ("till", "8"), ("kiosk", "7")):
        payload = f'{{"source": "{source}", "sale_id": "{sale}", "city": "7", "amount": 1.5}}'
        log._put("events.files", 0, b"r", payload.encode())
    world.write(log.records[first:])
    published(world, grown(world, log, 0))
    forgotten(world, log, Asked(sale=("till", "7")))
    refused = (
        'SELECT source, sale_id FROM quarantine FINAL WHERE position(payload, \'"city": "7"\') > 0 ORDER BY offset'
    )
    assert world.clickhouse(refused) == [("till", "8"), ("kiosk", "7")]
    assert told_of('"city": "7"', world) == 2
    lake = world.spark.table("lake.silver.quarantine").where('instr(CAST(payload AS string), \'"city": "7"\') > 0')
    assert lake.count() == 2


def test_who_was_forgotten_in_part_is_forgotten_by_the_same_command(begun: Begun) -> None:
    world, log, _ = begun
    with pytest.raises(Pulled):
        forgotten(world, log, Asked(person="p1"), PullsThePlug("stores"))
    assert world.postgres("SELECT count(*) > 0 FROM totals WHERE 'p1' = ANY(subject)") == [(True,)]
    forgotten(world, log, Asked(person="p1"))
    assert world.postgres("SELECT count(*) > 0 FROM totals WHERE 'p1' = ANY(subject)") == [(False,)]
