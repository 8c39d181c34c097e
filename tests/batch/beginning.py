"""A lake and stores whose first version is published: made once, and put back for each test that goes on from there."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg2

from batch.clickhouse import connected
from tests.batch.log import Log
from tests.batch.world import TABLES, World, grown, published

SEED, RECORDS = 91, 150

IN_POSTGRES = ("ledger", "totals", "drift", "labels", "care", "nights", "iceberg_tables")
"""In an order in which each table comes behind those that it refers to."""


class Begun(NamedTuple):
    """A world whose first version is published.

    Attributes:
        world: the lake and the stores.
        log: what the lake holds of it.
        through: the version's boundary.
    """

    world: World
    log: Log
    through: datetime


class Beginning:
    """Makes the first version, and knows how it left the stores and the lake.

    Files of a lake are written once and never changed, so those that a test has deleted are copied back; which of them
    count, the catalogue in PostgreSQL says.
    """

    def __init__(self, world: World, aside: Path) -> None:
        self._log, others = Log(SEED), _files(world)
        published(world, grown(world, self._log, RECORDS))
        self._files = {path: aside / str(number) for number, path in enumerate(_files(world) - others)}
        aside.mkdir()
        for path, copy in self._files.items():
            shutil.copy(path, copy)
        with _cursor(world) as cursor:
            self._postgres = {table: _copied(cursor, table) for table in IN_POSTGRES}
        with connected(world.settings.clickhouse.get_secret_value()) as client:
            self._clickhouse = {name: client.raw_query(f"SELECT * FROM {name}", fmt="Native") for name in TABLES}

    def put_back(self, world: World, seed: str) -> Begun:
        """That world again; what its log grows by is drawn from a seed of its own."""
        world.clear_postgres()
        world.clear_clickhouse()
        for path, copy in self._files.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(copy, path)
        with _cursor(world) as cursor:
            for table, rows in self._postgres.items():
                cursor.copy_expert(f"COPY {table} FROM STDIN", io.BytesIO(rows))
        with connected(world.settings.clickhouse.get_secret_value()) as client:
            for table, rows in self._clickhouse.items():
                if rows:
                    client.raw_insert(table, insert_block=rows, fmt="Native")
        log = deepcopy(self._log)
        log.draw_from(seed)
        return Begun(world, log, log.now)


def _files(world: World) -> set[Path]:
    return {path for path in Path(urlsplit(world.settings.warehouse).path).rglob("*") if path.is_file()}


@contextmanager
def _cursor(world: World) -> Iterator[Any]:
    dsn = world.settings.platform_dsn.get_secret_value()
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        yield cursor


def _copied(cursor: Any, table: str) -> bytes:
    rows = io.BytesIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT", rows)
    return rows.getvalue()
