"""How fast a table gets into the log, against what PostgreSQL itself needs to give it away.

Each round reads one table three ways: by COPY and by Debezium's two snapshots; then one batch of changes two ways: by
pg_recvlogical, and by Debezium from its slot to the topic. Everything runs beside the rest of the stack.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg2
from confluent_kafka import Consumer, TopicPartition
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class

from bench.figures import Part, ratios
from runtime.settings import Settings
from stack import control
from stack.postgres import admin_dsn, own_program
from streaming.committed import SECONDS, reading
from streaming.sources.catalogue import DEFINITION
from streaming.sources.postgres import database, log
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.script import script
from streaming.sources.postgres.tend import tend

NAME, TABLE = "bench", "public.bench_sales"
GROUP = "bench-postgres"
PLAIN_SLOT = "bench_plain"
WAIT_SECONDS = 900.0

MAKE = """
DROP TABLE IF EXISTS public.bench_sales;
CREATE TABLE public.bench_sales (LIKE public.sales INCLUDING ALL)
"""
FILL = """
INSERT INTO public.bench_sales
SELECT 'b' || n, timestamptz '2026-03-01Z' + n * interval '1 second', 'Country ' || n %% 40, 'City ' || n %% 4000,
    's' || n %% 500, 'Salesman ' || n %% 500, (n %% 100000) / 100.0, 'EUR'
FROM generate_series(%(first)s, %(last)s) AS n
"""


def measure(chosen: Settings, rows: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Figures of PostgreSQL's way into the log.

    Args:
        rows: in the table, and again as changes.
    """
    part = Part("postgres", f"PostgreSQL into the log: {rows:,} rows, {rounds} rounds")
    names = ("copy", "whole", "chunks", "recvlogical", "stream")
    speeds: dict[str, list[float]] = {name: [] for name in names}
    memory: list[float] = []
    for number in range(1, rounds + 1):
        with _owner() as opened:
            _run(opened, MAKE)
            _run(opened, FILL, first=1, last=rows)
            _run(opened, "VACUUM ANALYZE public.bench_sales")
            tell(f"round {number} of {rounds}: COPY")
            speeds["copy"].append(rows / _timed(lambda: _copy(opened)))
            for how in ("chunks", "whole"):
                tell(f"round {number} of {rounds}: Debezium's snapshot, {how}")
                with _highest("connect") as highest:
                    speeds[how].append(rows / _snapshot(chosen, opened, how, rows))
                memory.append(highest[0] / 2**20)
            tell(f"round {number} of {rounds}: changes")
            plain, stream = _changes(chosen, opened, rows)
            speeds["recvlogical"].append(rows / plain)
            speeds["stream"].append(rows / stream)
            _end(chosen, opened)
            _run(opened, "DROP TABLE public.bench_sales")
    _report(part, speeds, memory)
    return part


def _report(part: Part, speeds: dict[str, list[float]], memory: list[float]) -> None:
    part.add("Debezium's snapshot (whole) / COPY", "", ratios(speeds["whole"], speeds["copy"]))
    part.add("Debezium's snapshot (chunks) / COPY", "", ratios(speeds["chunks"], speeds["copy"]))
    part.add("Debezium's stream / pg_recvlogical", "", ratios(speeds["stream"], speeds["recvlogical"]))
    for name, each in speeds.items():
        part.add(name, "rows/s", each)
    part.add("Kafka Connect's highest memory", "MiB", memory)


def _source(how: str) -> PostgresSource:
    found = DEFINITION.validate_python({"kind": "postgres", "name": NAME, "table": TABLE, "snapshot": how})
    assert isinstance(found, PostgresSource)
    return found


def _copy(opened: Connection) -> None:
    with opened.cursor() as cursor, Path("/dev/null").open("wb") as nowhere:
        cursor.copy_expert(f"COPY {TABLE} TO STDOUT", nowhere)


def _snapshot(chosen: Settings, opened: Connection, how: str, rows: int) -> float:
    """Seconds from the first row in the topic to the last; start-up is not the rows'."""
    source = _source(how)
    _end(chosen, opened)
    with opened.cursor() as cursor:
        cursor.execute(script(source, chosen, database.tables(opened, source.tables)))
    before = _ends(chosen, source)
    return _seconds(chosen, source, before, rows, lambda: tend(source, chosen))


def _changes(chosen: Settings, opened: Connection, rows: int) -> tuple[float, float]:
    """Seconds of pg_recvlogical and of Debezium for one batch of changes, which both of their slots hold."""
    source, connect = _source("whole"), Connect(chosen)
    connect.stop(NAME)
    _run(opened, "SELECT pg_create_logical_replication_slot(%(slot)s, 'pgoutput')", slot=PLAIN_SLOT)
    for first in range(rows + 1, 2 * rows + 1, 1000):
        _run(opened, FILL, first=first, last=min(first + 999, 2 * rows))
    plain = _timed(lambda: _receive(opened, source))
    _run(opened, "SELECT pg_drop_replication_slot(%(slot)s)", slot=PLAIN_SLOT)
    before = _ends(chosen, source)
    connect.resume(NAME)
    return plain, _seconds(chosen, source, before, rows, lambda: None)


def _receive(opened: Connection, source: PostgresSource) -> None:
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
        ((end,),) = cursor.fetchall()
    options = ["-o", "proto_version=1", "-o", f"publication_names={source.publication_name}"]
    command = [own_program("pg_recvlogical"), "-d", admin_dsn("shop"), "-S", PLAIN_SLOT, "--start", "--endpos", end]
    subprocess.run([*map(str, command), *options, "-f", "/dev/null"], check=True, timeout=WAIT_SECONDS)


def _seconds(
    chosen: Settings, source: PostgresSource, before: dict[int, int], rows: int, meanwhile: Callable[[], object]
) -> float:
    """Seconds until so many committed records have come behind the ends `before`, from the first look that finds some:
    the ends of transactions, which the log counts too, are none of them.
    """
    began, first, seen, assigned, give_up = 0.0, 0, 0, False, time.monotonic() + WAIT_SECONDS
    with reading(chosen, GROUP) as one:
        while seen < rows:
            meanwhile()
            assigned = assigned or _assigned(one, source.into, before)
            seen += sum(each.error() is None for each in one.consume(10_000, 0.05)) if assigned else 0
            if not began and seen:
                began, first = time.perf_counter(), seen
            assert time.monotonic() < give_up, f"{seen} of {rows} rows came"
    # What was there at the first look was written before the clock was started.
    return (time.perf_counter() - began) * rows / max(1, rows - first)


def _assigned(one: Consumer, topic: str, before: dict[int, int]) -> bool:
    """Has a reader go on behind some ends; whether the topic is there, as it is not before the first snapshot."""
    if topic not in one.list_topics(timeout=SECONDS).topics:
        return False
    one.assign([TopicPartition(topic, number, before.get(number, 0)) for number in log.partitions(one, topic)])
    return True


def _ends(chosen: Settings, source: PostgresSource) -> dict[int, int]:
    with reading(chosen, GROUP) as one:
        there = source.into in one.list_topics(timeout=SECONDS).topics
    return log.ends(chosen, source.into) if there else {}


def _end(chosen: Settings, opened: Connection) -> None:
    """Ends the connector, and lets go of everything that is remembered of it."""
    connect, source = Connect(chosen), _source("whole")
    if connect.present(NAME) is not None:
        connect.stop(NAME)
        connect.forget_offsets(NAME)
        connect.delete(NAME)
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            database.drop_slot(opened, source.slot_name)
            break
        except psycopg2.errors.ObjectInUse:
            time.sleep(0.2)
    with closing(psycopg2.connect(chosen.platform_dsn.get_secret_value())) as platform, platform:
        platform.cursor().execute("DELETE FROM postgres_sources WHERE source = %s", [NAME])


@contextmanager
def _owner() -> Iterator[Connection]:
    with closing(psycopg2.connect(admin_dsn("shop"))) as opened:
        opened.autocommit = True
        yield opened


def _run(opened: Connection, statement: str, **parameters: object) -> None:
    with opened.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _highest(service: str) -> Iterator[list[int]]:
    """The most resident memory of a service while the block lasts, in bytes."""
    found, done = [0], threading.Event()
    process = psutil.Process(control.pid_of(service))

    def look() -> None:
        while not done.wait(0.2):
            found[0] = max(found[0], process.memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
