"""Kafka Connect is killed while it reads: nothing is lost, and whoever reads committed records sees nothing twice."""

from __future__ import annotations

import io
from collections import Counter
from itertools import pairwise

import pytest

from runtime.settings import Settings
from stack import control
from streaming.sources.postgres.connect import Connect
from streaming.sources.postgres.definition import PostgresSource
from streaming.sources.postgres.tend import tend
from tests.sources.log import Count, by_partition, committed
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending
from tests.sources.postgres.test_direct import TABLE, agree, bills

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

INSERTED, ROWS = 15_000, 30_000
"""The first rows come by INSERT, the others by COPY."""

KILLED_AT = (500, 8_000, 18_000, 24_000)
"""Records. Rows of a COPY share one position in the write-ahead log: after a kill, one of them may be told again."""

WHOLE = 40_000
"""Rows of a table that is read in one transaction."""

KILLED_IN_WHOLE = (1_000, 8_000, 16_000)
"""Records of each reading, which begins anew."""

PATIENCE_SECONDS = 240.0
"""A Connect that was killed comes back slowly where the machine is busy."""

FILL = "INSERT INTO {table} SELECT n, now(), 'Chile', 'Talca', 1, 1, 'r' FROM generate_series({first}, {last}) n"
LINE = "{no}\t2026-03-01T12:00:00Z\tChile\tTalca\t1\t1\tr\n"
CHANGE = "UPDATE {table} SET total = 7 WHERE no % 100 = 0; DELETE FROM {table} WHERE no % 1000 = 1"


def insert(table: str) -> None:
    """The rows behind the first five, a thousand in a transaction."""
    for first in range(6, INSERTED + 1, 1000):
        world.do(FILL.format(table=table, first=first, last=min(first + 999, INSERTED)))


def copy(table: str) -> None:
    """The others by COPY: many rows are then one record of the write-ahead log, with one position in it."""
    schema, _, name = table.partition(".")
    with world.owner() as opened, opened.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, false)", [schema])
        for first in range(INSERTED + 1, ROWS + 1, 5000):
            lines = (LINE.format(no=no) for no in range(first, first + 5000))
            cursor.copy_from(io.StringIO("".join(lines)), name)


def crash_at(rows: int, count: Count) -> int:
    """Kills Connect as soon as so many records are committed, and more than before; returns how many are.

    Whether it is ready again is told late: by then, it may have read to the end.
    """
    count.reaches(max(rows, count.now() + 1), PATIENCE_SECONDS)
    world.until(lambda: control.kill("connect"))
    return count.now()


def ids(source: PostgresSource, chosen: Settings, kind: str) -> Counter[str]:
    """How often each sale comes in committed records of one kind."""
    return Counter(each["sale_id"] for each in committed(chosen, source.into, source.name) if each["__op"] == kind)


def test_changes(schema: str, servers: Settings, ending: Ending) -> None:
    """Killed with the first changes in the log, in the middle of INSERTs and of COPYs, and near their end."""
    world.do(TABLE.format(schema=schema))
    source = ending(bills(schema))
    world.prepare(source, servers)
    world.well(source, servers)
    Connect(servers).stop(source.name)
    insert(source.table)
    copy(source.table)
    world.do(CHANGE.format(table=source.table))
    Connect(servers).resume(source.name)
    count = Count(servers, source.into)
    there = [crash_at(rows, count) for rows in KILLED_AT if count.now() < 0.9 * ROWS]
    assert there and there[0] < 0.95 * ROWS, "there was nothing left to go on with"
    updated, deleted = range(100, ROWS + 1, 100), range(1, ROWS + 1, 1000)
    count.reaches(ROWS + len(updated) + len(deleted), PATIENCE_SECONDS)
    world.until(lambda: agree(source, servers), PATIENCE_SECONDS)
    created, expected = ids(source, servers, "c"), numbers(range(6, ROWS + 1))
    assert created.keys() == expected.keys()
    again = created - expected
    assert again.total() <= len(there)
    assert all(int(no) > INSERTED for no in again), "only a row of a COPY may come twice"
    assert ids(source, servers, "u") == numbers(updated)
    assert ids(source, servers, "d") == numbers(deleted)


def numbers(wanted: range) -> Counter[str]:
    """Each of those sales once."""
    return Counter(map(str, wanted))


def test_a_snapshot_in_one_transaction(schema: str, servers: Settings, ending: Ending) -> None:
    """It begins anew after each kill, and the last reading tells each row once; what comes meanwhile is told, too."""
    world.do(TABLE.format(schema=schema))
    world.do(FILL.format(table=f"{schema}.bills", first=6, last=WHOLE))
    source = ending(bills(schema))
    world.prepare(source, servers)
    world.until(lambda: tend(source, servers))
    count = Count(servers, source.into)
    there = 0
    for number, rows in enumerate(KILLED_IN_WHOLE, 1):
        there = crash_at(there + rows, count)
        world.do(FILL.format(table=source.table, first=WHOLE + number, last=WHOLE + number))
    world.well(source, servers, PATIENCE_SECONDS)
    world.do(CHANGE.format(table=source.table))
    world.until(lambda: agree(source, servers), PATIENCE_SECONDS)
    last: set[int] = set()
    for told in by_partition(servers, source.into).values():
        broken_off = readings([int(each["sale_id"]) for each in told if each["__op"] == "r"])
        whole = broken_off.pop()
        assert len(broken_off) == len(KILLED_IN_WHOLE)
        assert all(each == whole[: len(each)] for each in broken_off), "it read other rows, or a row twice"
        assert all(len(each) < 0.95 * len(whole) for each in broken_off), "there was nothing left to go on with"
        last.update(whole)
    assert last >= set(range(1, WHOLE + 1))
    assert max(ids(source, servers, "c").values(), default=1) == 1


def readings(told: list[int]) -> list[list[int]]:
    """What each reading has told: every one begins with the first rows."""
    begins = [place for place, no in enumerate(told) if place == 0 or no <= told[place - 1]]
    return [told[begin:end] for begin, end in pairwise([*begins, len(told)])]
