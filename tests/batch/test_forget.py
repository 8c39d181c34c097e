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
from batch.progress import Quiet
from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY, TOP_SALESMAN_IN_COUNTRY
from rankings.sale import Sale
from runtime.errors import Permanent
from runtime.settings import Settings
from tests.batch.beginning import Begun
from tests.batch.log import Log, partitions
from tests.batch.world import World, grown, published

pytestmark = pytest.mark.servers


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
    count = forget(Asked(person="p1"), world.settings, Quiet(), Writer(world, log), lambda _: partitions())
    assert count > 3
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
    assert forget(Asked(sale=sale.key), world.settings, Quiet(), Writer(world, log), lambda _: partitions()) == 1
    for ranking in RANKINGS:
        assert world.published(ranking) == world.expected(ranking, log.before(log.now))
    kept = world.spark.table("lake.bronze.log").where(f"topic LIKE '%{sale.source}'").collect()
    told = [
        json.loads(row.payload) for row in kept if f'"{sale.sale_id}"' in (row.payload or b"").decode(errors="replace")
    ]
    assert [each.get("deleted") for each in told if each.get("source") == sale.source] == [True]
    with pytest.raises(Permanent, match="no sale of that kind"):
        forget(Asked(sale=("till", "never")), world.settings, Quiet(), Writer(world, log), lambda _: partitions())
