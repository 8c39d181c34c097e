"""Spark gives the golden answers: all cases at once, each in a world of its own by its countries and sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from batch import branches, bronze, gold, silver
from rankings.catalogue import RANKINGS
from rankings.oracle import SumKey, Total, answer
from rankings.ranking import Ranking
from rankings.render import lake
from rankings.render import spark as render
from runtime.settings import Settings
from tests.batch.conftest import compiled
from tests.batch.world import BRONZE_SCHEMA, World
from tests.golden.cases import Case, load

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.servers

VERSION = 1
BETWEEN = "|"


def rows() -> Iterator[tuple[object, ...]]:
    """Every case's records, in partitions of its own."""
    for number, case in enumerate(load()):
        for each in case.records:
            partition = number * 1000 + each.partition
            yield each.topic, partition, each.offset, each.key, each.payload, each.log_time


def set_apart(spark: SparkSession) -> None:
    """Puts the case's name in front of the source and the country in the view `parsed`."""
    from pyspark.sql.functions import expr

    names = spark.createDataFrame(
        [(number, case.name) for number, case in enumerate(load())], "number int, case string"
    )
    parsed = spark.table(render.PARSED).join(names, expr("partition DIV 1000 = number"))
    columns = {name: f"concat(case, '{BETWEEN}', {name})" for name in ("source", "country")}
    told = [f"{columns.get(name, name)} AS {name}" for name in spark.table(render.PARSED).columns]
    parsed.selectExpr(*told).createOrReplaceTempView(render.PARSED)


@pytest.fixture(scope="module")
def sums(
    spark: SparkSession, batch_settings: Settings, request: pytest.FixtureRequest
) -> dict[tuple[str, str, str], dict[SumKey, Total]]:
    """The sums in gold, by zone, ranking and case; the queries are compiled, as they are for large tables."""
    compiled(spark, as_product=True)
    request.addfinalizer(lambda: compiled(spark, as_product=False))
    World(batch_settings, spark).clear()
    spark.createDataFrame(list(rows()), BRONZE_SCHEMA).writeTo(lake.BRONZE).append()
    for statement in lake.ddl(RANKINGS):
        spark.sql(statement)
    last = max(record.log_time for case in load() for record in case.records)
    bronze.parse(spark, bronze.records(spark, last.replace(year=last.year + 1), None))
    set_apart(spark)
    silver.rebuild(spark, VERSION)
    branches.keep(spark, lake.SALES, VERSION)
    found: dict[tuple[str, str, str], dict[SumKey, Total]] = {}
    for zone in {case.zone.key for case in load()}:
        for ranking in RANKINGS:
            gold.rebuild(spark, ranking, VERSION, zone)
            collect(spark, ranking, zone, found)
    return found


def collect(
    spark: SparkSession, ranking: Ranking, zone: str, found: dict[tuple[str, str, str], dict[SumKey, Total]]
) -> None:
    """Shares a gold table's rows out to the cases."""
    for row in spark.table(lake.on_run(lake.gold(ranking), VERSION)).collect():
        day, currency, country, *rest, amount, sales = row
        case, country = country.split(BETWEEN, 1)
        found.setdefault((zone, ranking.name, case), {})[day, currency, country, *rest] = Total(amount, sales)


@pytest.mark.parametrize("case", load(), ids=str)
def test_golden(case: Case, sums: dict[tuple[str, str, str], dict[SumKey, Total]]) -> None:
    assert isinstance(case.zone, ZoneInfo)
    for told in case.answers:
        totals = sums.get((case.zone.key, told.ranking.name, case.name), {})
        assert answer(told.ranking, totals, told.asked) == told.entries
