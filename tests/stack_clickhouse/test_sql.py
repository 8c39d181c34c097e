"""A statement's verb, its format and where its data begins are found without parsing it."""

from __future__ import annotations

import pytest

from stack.clickhouse.sql import read


@pytest.mark.parametrize(
    ("sql", "text", "data", "name"),
    [
        (b"INSERT INTO t VALUES (1)", b"INSERT INTO t ", b" (1)", "Values"),
        (b"INSERT INTO t (a, format) FORMAT Native\n\x00\x01", b"INSERT INTO t (a, format) ", b"\x00\x01", "Native"),
        (b"insert into values values (1)", b"insert into values ", b" (1)", "Values"),
        (b"INSERT INTO a.values FORMAT CSV 1\n", b"INSERT INTO a.values ", b"1\n", "CSV"),
        (b"INSERT INTO t SETTINGS x = 1 FORMAT CSV\r\n1", b"INSERT INTO t SETTINGS x = 1 ", b"1", "CSV"),
        (b"INSERT INTO t", b"INSERT INTO t", b"", None),
        (b"INSERT INTO t;", b"INSERT INTO t", b"", None),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", b"INSERT INTO t SELECT 1 FORMAT CSV", None, None),
        (b"INSERT INTO t (a) (SELECT 1)", b"INSERT INTO t (a) (SELECT 1)", None, None),
    ],
)
def test_insert(sql: bytes, text: bytes, data: bytes | None, name: str | None) -> None:
    statement = read(sql)
    assert (statement.verb, statement.text, statement.data, statement.format) == ("INSERT", text, data, name)


@pytest.mark.parametrize(
    ("sql", "verb", "name"),
    [
        (b"SELECT 1 FORMAT JSON", "SELECT", "JSON"),
        (b"-- why\n(SELECT 1) FORMAT JSON;", "SELECT", "JSON"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "SELECT", "CSV"),
        (b"SELECT 1 AS format", "SELECT", None),
        (b"SELECT format FROM t", "SELECT", None),
        (b"SELECT 'x FORMAT CSV'", "SELECT", None),
        (b"SELECT * FROM (SELECT 1 FORMAT CSV)", "SELECT", None),
        (b"  ", "", None),
    ],
)
def test_other(sql: bytes, verb: str, name: str | None) -> None:
    statement = read(sql)
    assert (statement.verb, statement.format, statement.data) == (verb, name, None)
