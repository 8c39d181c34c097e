"""One reconciliation of a made log, in a process of its own; prints one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil

from batch.progress import Quiet
from batch.reconcile import Published, reconcile
from batch.spark import session
from bench import made_log
from rankings.catalogue import TOP_SALESMAN_IN_COUNTRY
from rankings.render import lake
from rankings.render import spark as render
from runtime.errors import Permanent
from runtime.settings import Settings, settings
from streaming.sinks.iceberg import ensure_bronze

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROUNDS = 3


def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Writes the night's records, if there are any, reconciles, and tells seconds of wall and CPU of the latter."""
    chosen = settings()
    ensure_bronze(chosen)
    with session(chosen) as spark:
        begins = time.monotonic()
        made_log.append(spark, made_log.Night(**asked["night"]))
        wall, cpu = time.monotonic(), _cpu()
        outcome = _reconciled(chosen, asked)
        told = {"wall": time.monotonic() - wall, "cpu": _cpu() - cpu, "written": wall - begins, **_told(outcome)}
        return told | {"aggregation": _aggregation(spark)} if asked["sums"] else told


def _reconciled(chosen: Settings, asked: dict[str, Any]) -> Published:
    partitions = frozenset((made_log.TOPIC, number) for number in range(made_log.PARTITIONS))
    through = made_log.boundary(asked["night"]["number"])
    outcome = reconcile(through, chosen, progress=Quiet(), partitions=lambda _: partitions)
    if not isinstance(outcome, Published):
        raise Permanent("there was nothing to reconcile")
    return outcome


def _told(outcome: Published) -> dict[str, Any]:
    days = outcome.certificate.days
    return {
        "records": outcome.certificate.records,
        "days": "all" if days is None else len(days),
        "seconds": outcome.certificate.seconds,
    }


def _cpu() -> float:
    """CPU seconds of this process and of all that it has started."""
    top = psutil.Process()
    times = [each.cpu_times() for each in (top, *top.children(recursive=True))]
    return sum(each.user + each.system for each in times) + times[0].children_user + times[0].children_system


def _aggregation(spark: SparkSession) -> dict[str, float]:
    """The best of some rounds of a ranking's sums over silver, by Spark and by DuckDB from the same Parquet files."""
    import duckdb

    ranking = TOP_SALESMAN_IN_COUNTRY
    spark.table(lake.SALES).createOrReplaceTempView(render.PRESENT)
    text = f"SELECT count(*), sum(sales) FROM ({render.sums(ranking)})"
    paths = [
        row.file_path.removeprefix("file:") for row in spark.sql(f"SELECT file_path FROM {lake.SALES}.files").collect()
    ]
    subject = ", ".join(ranking.subject)
    other = (
        f"SELECT count(*), sum(sales) FROM (SELECT CAST(occurred_at AS date) AS day, currency, {subject}, "
        "sum(amount) AS amount, count(*) AS sales FROM read_parquet(?) WHERE NOT deleted GROUP BY ALL)"
    )
    duckdb.sql("SET TimeZone = 'UTC'")
    by_spark = _best(lambda: spark.sql(text, {"zone": "UTC"}).collect()[0])
    by_duckdb = _best(lambda: duckdb.execute(other, [paths]).fetchall()[0])
    if tuple(by_spark[1]) != tuple(by_duckdb[1]):
        raise Permanent("Spark and DuckDB disagree", received=f"{by_spark[1]} and {by_duckdb[1]}")
    return {"spark": by_spark[0], "duckdb": by_duckdb[0]}


def _best(work: Any) -> tuple[float, Any]:
    best, found = float("inf"), None
    for _ in range(ROUNDS):
        began = time.monotonic()
        found = work()
        best = min(best, time.monotonic() - began)
    return best, found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
