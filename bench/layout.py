"""`python -m bench.layout`: how the order and the files of silver bear on what a night does to it and on who reads it.

The tables are the product's, laid out otherwise before their first row, and so are the steps that are measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psutil
import typer
from rich.console import Console

from batch import branches, silver
from batch.spark import session, size
from bench import made_log
from bench.figures import Part
from bench.report import machine, show
from bench.servers import servers
from rankings.catalogue import TOP_SALESMAN_IN_COUNTRY
from rankings.render import lake
from rankings.render import spark as render

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SERVERS = frozenset({"postgres", "databases"})

FILE, GROUP = "write.target-file-size-bytes", "write.parquet.row-group-size-bytes"
ORDERED = tuple(statement.removeprefix(f"ALTER TABLE {lake.SALES} ") for statement in lake.order_sales())
"""As the product has it."""

LAYOUTS: Mapping[str, tuple[str, ...]] = {
    "as it comes": (),
    "as it comes, row groups of 4 MiB": (f"SET TBLPROPERTIES ('{GROUP}' = '{4 << 20}')",),
    "as it comes, files of 2 MiB": (f"SET TBLPROPERTIES ('{FILE}' = '{2 << 20}')",),
    "by key": (*ORDERED, f"UNSET TBLPROPERTIES ('{GROUP}')"),
    "by key, row groups of 16 MiB": ORDERED,
    "by key, row groups of 4 MiB": (*ORDERED, f"SET TBLPROPERTIES ('{GROUP}' = '{4 << 20}')"),
    "by key, files of 2 MiB": (*ORDERED, f"SET TBLPROPERTIES ('{FILE}' = '{2 << 20}')"),
}
"""What is altered of the table, by the layout's name."""

Took = dict[str, tuple[float, float]]


def main(
    *,
    sales: Annotated[int, typer.Option(min=10_000, help="How many sales silver holds.")] = 2_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each layout is tried, in turn.")] = 1,
    layout: Annotated[list[str], typer.Option(help="One of the layouts; may be given again.")] = list(LAYOUTS),  # noqa: B006
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for every figure.")] = None,
) -> None:
    """Measure layouts of silver, one after the other; the first is tried once more before, for the JVM to be warm."""
    if unknown := set(layout) - set(LAYOUTS):
        raise typer.BadParameter(f"received {', '.join(sorted(unknown))}, valid: {', '.join(LAYOUTS)}")
    console = Console()
    took: dict[str, list[Took]] = {name: [] for name in layout}
    with servers(SERVERS) as chosen, session(chosen) as spark:
        measure(spark, LAYOUTS[layout[0]], max(sales // 10, 10_000))
        for _ in range(rounds):
            for name in layout:
                console.print(f"[dim]{name}[/dim]")
                took[name].append(measure(spark, LAYOUTS[name], sales))
    parts = [_part(name, each) for name, each in took.items()]
    for part in parts:
        show(console, part)
    if json_file:
        json_file.write_text(json.dumps({"machine": machine(), "parts": [each.as_json() for each in parts]}, indent=2))


def _part(name: str, took: list[Took]) -> Part:
    part = Part(name, f"Silver {name}")
    for what in took[0]:
        part.add(what, "MiB" if "files" in what else "s", [each[what][0] for each in took])
        part.add(f"{what}, {'how many' if 'files' in what else 'CPU'}", "", [each[what][1] for each in took])
    return part


def measure(spark: SparkSession, layout: tuple[str, ...], sales: int) -> Took:
    """Seconds of wall and of CPU of each step in a table of its own, and the size and number of its files."""
    _begin(spark, layout)
    took: Took = {}
    nights = made_log.nights(sales)
    _say(spark, nights.pop("all"))
    with _timed(took, "everything"):
        silver.rebuild(spark, 1)
    _keep(spark, 1)
    took["files"] = _files(spark, 1)
    held = silver.States(sales, 0)
    for version, (name, night) in enumerate(nights.items(), 2):
        _say(spark, night)
        with _timed(took, name):
            found = silver.merge(spark, version, version - 1, held, "UTC", refused=False)
        held += found.more
        silver.leave(spark)
        _keep(spark, version)
    spark.table(render.PARSED).unpersist()
    _read(spark, 3, took)
    return took


def _keep(spark: SparkSession, version: int) -> None:
    for table in silver.TABLES:
        branches.keep(spark, table, version)


def _begin(spark: SparkSession, layout: tuple[str, ...]) -> None:
    for table in silver.TABLES:
        spark.sql(f"DROP TABLE IF EXISTS {table} PURGE")
    for statement in lake.ddl(()):
        spark.sql(statement)
    for altered in layout:
        spark.sql(f"ALTER TABLE {lake.SALES} {altered}")


def _say(spark: SparkSession, night: made_log.Night) -> None:
    """The view `parsed` of a night, kept: to make it is none of what is measured."""
    size(spark, night.count)
    if spark.catalog.tableExists(render.PARSED):
        spark.table(render.PARSED).unpersist()
    made_log.number(spark, night)
    parsed = spark.sql(made_log.parsed(night)).persist()
    parsed.createOrReplaceTempView(render.PARSED)
    parsed.count()


def _read(spark: SparkSession, version: int, took: Took) -> None:
    ranking = TOP_SALESMAN_IN_COUNTRY
    silver_then = spark.read.option("versionAsOf", lake.version_tag(version)).table(lake.SALES)
    reads = {
        "sums of three days": "occurred_at >= TIMESTAMP '2025-06-10' AND occurred_at < TIMESTAMP '2025-06-13'",
        "sums of everything": "true",
    }
    for name, condition in reads.items():
        silver_then.where(condition).createOrReplaceTempView(render.PRESENT)
        with _timed(took, name):
            spark.sql(f"SELECT count(*) FROM ({render.sums(ranking)})", {"zone": "UTC"}).collect()


def _files(spark: SparkSession, version: int) -> tuple[float, float]:
    files = f"SELECT sum(file_size_in_bytes) AS size, count(*) AS files FROM {lake.SALES}.files"
    row = spark.sql(f"{files} VERSION AS OF '{lake.version_tag(version)}'").first()
    assert row is not None
    return row.size / 2**20, row.files


@contextmanager
def _timed(took: Took, name: str) -> Iterator[None]:
    wall, cpu = time.monotonic(), _cpu()
    yield
    took[name] = time.monotonic() - wall, _cpu() - cpu


def _cpu() -> float:
    top = psutil.Process()
    times = [each.cpu_times() for each in (top, *top.children(recursive=True)) if "postgres" not in each.name()]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    typer.run(main)
