"""Every place of a running stack that may hold a text: the tables of both stores, the lake's files, the log's ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pyarrow.parquet as pq
from psycopg2 import sql

from runtime.settings import Settings
from streaming.clickhouse import connect


def holding(chosen: Settings, texts: Sequence[str]) -> list[str]:
    """The tables and files that hold one of some texts."""
    return [*_of_clickhouse(texts), *_of_postgres(chosen, texts), *_of_lake(chosen, texts)]


def _of_clickhouse(texts: Sequence[str]) -> Iterator[str]:
    with closing(connect()) as client:
        rows = client.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'View'")
        for (name,) in rows.result_rows:
            text = f"SELECT count() FROM `{name}` WHERE multiSearchAny(toString(tuple(*)), {{texts:Array(String)}})"
            if client.query(text, parameters={"texts": list(texts)}).result_rows[0][0]:
                yield f"ClickHouse {name}"


def _of_postgres(chosen: Settings, texts: Sequence[str]) -> Iterator[str]:
    dsn = chosen.platform_dsn.get_secret_value()
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for (name,) in cursor.fetchall():
            told = sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))
            cursor.execute(told)
            if _holds((value for row in cursor for value in row), texts):
                yield f"PostgreSQL {name}"


def _of_lake(chosen: Settings, texts: Sequence[str]) -> Iterator[str]:
    for path in Path(urlsplit(chosen.warehouse).path).rglob("*.parquet"):
        try:
            columns = pq.read_table(path).to_pydict().values()
        except FileNotFoundError:
            continue
        if _holds((value for column in columns for value in column), texts):
            yield f"the lake's {path.name}"


def _holds(values: Iterable[object], texts: Sequence[str]) -> bool:
    shown = (value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in values)
    return any(text in value for value in shown for text in texts)
