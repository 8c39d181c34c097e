"""A person or a sale that is forgotten is in no store and no file of the lake any more; the other figures stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batch.forget import FORGOTTEN, Asked, forget
from batch.forget import Record as Written
from batch.history import rollback
from batch.progress import Progress, Quiet
from batch.verify import verify
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.sale import Sale
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from tests.batch.adding import PARTITION, Adding
from tests.batch.beginning import Begun
from tests.batch.log import Log, partitions
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
    with pytest.raises(Permanent, match=r"no sale of that kind.*'nowhere'.*valid: sales of files, rest, sales, soap"):
        forgotten(world, log, Asked(sale=("nowhere", "1")))


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


def test_the_lake_grows_while_somebody_is_forgotten(begun: Begun) -> None:
    world, log, _ = begun
    with Adding(world) as adding:
        forgotten(world, log, Asked(person="p1"))
    assert adding.commits > 3
    assert world.spark.table("lake.bronze.log").where(f"partition = {PARTITION}").count() == adding.commits


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
    named = (("till", '"7"'), ("till", "7"), ("till", r'"\u0037"'), ("till", '"8"'), ("kiosk", '"7"'))
    for source, sale in named:
        payload = f'{{"source": "{source}", "sale_id": {sale}, "city": "7", "amount": 1.5}}'
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


PERSON = 'Jürgen/7 "der Große" 😀'

SPELLED = (
    json.dumps(PERSON, ensure_ascii=False),
    json.dumps(PERSON),
    r'" J\u00FCrgen\/7 \u0022der Gro\u00dfe\" \uD83D\uDE00\t"',
    r'"Ju\u0308rgen/7 \"der Gro\u00DFe\u0022 😀"',
)
"""Ways in which a payload may spell that person's id."""

OTHERS = (json.dumps(f"{PERSON} II"), json.dumps(f"Hans {PERSON}", ensure_ascii=False), r'"J\u00fcrgen/7"')


def test_refused_records_are_found_however_they_spell_an_id(begun: Begun) -> None:
    world, log, _ = begun
    first = len(log.records)
    sale = {"source": "till", "sale_id": "of him", "occurred_at": "2026-02-01T12:00:00Z", "country": "Germany"}
    sale |= {"city": "Bonn", "salesman_id": PERSON, "amount": "1.00", "currency": "EUR"}
    log._put("events.files", 0, b"s", json.dumps(sale).encode())
    bad = [f'{{"salesman_id": {each}, "amount": 1.5, "marked": "x"}}' for each in (*SPELLED, *OTHERS)]
    bad += [json.dumps(bad[0]), f"{bad[2]} and more", f'{{"marked": "x", "of": {SPELLED[2]}, "am']
    for each in bad:
        log._put("events.files", 0, b"r", each.encode())
    world.write(log.records[first:])
    published(world, grown(world, log, 0))
    assert marked(world) == [set(bad)] * 3
    assert forgotten(world, log, Asked(person=PERSON)) == 1
    assert marked(world) == [set(bad[len(SPELLED) :][: len(OTHERS)])] * 3


def marked(world: World) -> list[set[str]]:
    """The payloads that a test has marked, in each of the places that keep refused ones."""
    names, where = ("bronze.log", "silver.quarantine"), "WHERE instr(CAST(payload AS string), 'marked') > 0"
    tables = [world.spark.sql(f"SELECT payload FROM lake.{name} {where}") for name in names]
    refused = world.clickhouse("SELECT payload FROM quarantine WHERE position(payload, 'marked') > 0")
    return [*({bytes(row.payload).decode() for row in each.collect()} for each in tables), {row[0] for row in refused}]


def test_answers_that_go_back_meanwhile_do_not_keep_who_is_forgotten(begun: Begun) -> None:
    world, log, _ = begun
    with pytest.raises(Retryable, match="went back to an older version"):
        forgotten(world, log, Asked(person="p1"), At("forget", lambda: rollback(1, world.settings)))
    assert "p1" in {key[-1] for key in world.published(TOP_SALESMAN_IN_COUNTRY)}
    forgotten(world, log, Asked(person="p1"))
    assert "p1" not in {key[-1] for key in world.published(TOP_SALESMAN_IN_COUNTRY)}
    for version in (1, 2):
        with pytest.raises(Permanent, match="no longer"):
            rollback(version, world.settings)


def test_who_was_forgotten_in_part_is_forgotten_by_the_same_command(begun: Begun) -> None:
    world, log, _ = begun
    with pytest.raises(Pulled):
        forgotten(world, log, Asked(person="p1"), PullsThePlug("stores"))
    assert world.postgres("SELECT count(*) > 0 FROM totals WHERE 'p1' = ANY(subject)") == [(True,)]
    forgotten(world, log, Asked(person="p1"))
    assert world.postgres("SELECT count(*) > 0 FROM totals WHERE 'p1' = ANY(subject)") == [(False,)]
