"""A sale's last record is the same one whatever lies between them: partitions, nights, a clock that went back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from batch.progress import Quiet
from batch.verify import verify
from rankings.catalogue import TOP_SALES_PER_CITY
from rankings.contract import DELETED_FIELD
from rankings.render import causes as render
from rankings.render.spark import PARSED
from rankings.topics import EVENTS
from tests.batch.log import START, Log
from tests.batch.test_days import Till
from tests.batch.world import World, published

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.servers

NIGHT = 20
"""Minutes between two boundaries."""


class Told(NamedTuple):
    """A record of a sale: before which night it comes, in which partition, at which minute, and what it says."""

    night: int
    partition: int
    minute: int
    amount: int | None


CASES: dict[str, tuple[list[Told], int | None]] = {
    "moved to another partition": ([Told(1, 1, 10, 1), Told(2, 0, 21, 2)], 2),
    "deleted in another partition": ([Told(1, 1, 10, 1), Told(2, 0, 21, None)], None),
    "another partition is behind": ([Told(1, 1, 10, 1), Told(2, 0, 9, 2)], 1),
    "the clock went back where it was told last": (
        [Told(1, 0, 10, 1), Told(1, 1, 9, 2), Told(2, 0, 8, 3)],
        3,
    ),
    "the clock went back behind the move": ([Told(1, 0, 10, 1), Told(1, 1, 11, 2), Told(2, 1, 9, 3)], 3),
    "told in both in one night": ([Told(1, 0, 10, 1), Told(2, 0, 8, 2), Told(2, 1, 9, 3)], 2),
    "told in both in one night, the other later": ([Told(1, 0, 10, 1), Told(2, 0, 8, 2), Told(2, 1, 30, 3)], 3),
    "what was reached stays": ([Told(1, 0, 10, 1), Told(2, 0, 8, 2), Told(3, 1, 9, 3)], 2),
    "read later than what came behind it": ([Told(1, 0, 25, 1), Told(1, 0, 15, 2), Told(3, 1, 22, 3)], 2),
}


def tell(log: Log, sale: str, told: Told) -> None:
    """Adds a record of a sale, whose city is called as it is."""
    log.now = START + timedelta(minutes=told.minute)
    said: dict[str, object] = {"source": "till", "sale_id": sale, DELETED_FIELD: told.amount is None}
    said |= {"occurred_at": "2026-02-01T12:00:00Z", "country": "Germany", "city": sale, "salesman_id": "p1"}
    said |= {"amount": f"{told.amount or 0}.00", "currency": "EUR"}
    log._put(EVENTS[0], told.partition, sale.encode(), json.dumps(said).encode())


def amounts(world: World) -> dict[str, Decimal]:
    """What is published, by sale."""
    return {str(key[-1]): amount for key, (amount, _) in world.published(TOP_SALES_PER_CITY).items()}


def test_night_by_night_says_the_same_as_all_at_once(world: World) -> None:
    log = Till(seed=0)
    for night in (1, 2, 3):
        first = len(log.records)
        for sale, (records, _) in CASES.items():
            for told in (each for each in records if each.night == night):
                tell(log, sale, told)
        log.now = START + timedelta(minutes=NIGHT * night)
        log.mark()
        world.write(log.records[first:])
        published(world, log.now)
    expected = {sale: Decimal(amount) for sale, (_, amount) in CASES.items() if amount is not None}
    assert amounts(world) == expected
    assert [each.what for each in verify(3, world.settings, Quiet()) if not each.holds] == []
    world.reconcile(log.now, full=True)
    assert amounts(world) == expected


def test_causes_look_at_a_sales_records_in_that_order(spark: SparkSession) -> None:
    at = datetime.fromisoformat("2026-03-01T12:00:00Z")
    moments = [(1, 5, at, 1), (1, 6, at + timedelta(minutes=2), 2), (1, 7, at + timedelta(minutes=1), 3)]
    moments.append((0, 0, at + timedelta(minutes=9), 4))
    rows = [("t", partition, offset, when, Decimal(amount)) for partition, offset, when, amount in moments]
    made = spark.createDataFrame(
        rows, "topic string, partition int, offset bigint, log_time timestamp, amount decimal(18, 2)"
    )
    fields = ["'sale' AS kind", "'till' AS source", "'1' AS sale_id", "log_time AS occurred_at", "'EUR' AS currency"]
    fields += [f"'x' AS {name}" for name in ("country", "city", "salesman_id", "salesman")]
    made.selectExpr("*", *fields).createOrReplaceTempView(PARSED)
    for view, last in ((render.TAKEN, "committed"), (render.REFUSED_BY_LIVE, "offset")):
        spark.createDataFrame([], f"topic string, partition int, {last} bigint").createOrReplaceTempView(view)
    found = spark.sql(render.steps(None, []), {"since": at}).selectExpr("int(amount)", "int(was.amount)").collect()
    assert sorted(tuple(row) for row in found if row[1]) == [(2, 1), (3, 2), (4, 3)]
