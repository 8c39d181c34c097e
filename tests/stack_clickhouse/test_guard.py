"""No statement reaches beyond the database: neither files nor other servers nor this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from stack.clickhouse import guard
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.sql import read
from tests.stack_clickhouse.gateway import Gateway

pytestmark = pytest.mark.servers

SECRET = "root:x"  # the beginning of the file that these statements reach for

REACHING = [
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"file\" /* ( */ ('/etc/passwd')",
    "SELECT `f\\x69le`('/etc/passwd')",
    "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
    "SELECT ‘'’, file('/etc/passwd') -- '",
    "SELECT /* ' /* */ ' */ file('/etc/passwd') -- '",
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM default.`/etc/passwd`",
    "INSERT INTO t (b) VALUES (file('/etc/passwd'))",
    "INSERT INTO t (b) FORMAT Values (`f\\x69le`('/etc/passwd'))",
    "INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString",
    "INSERT INTO FUNCTION file('/tmp/never', 'CSV') SELECT 1",
    "SELECT 1 INTO OUTFILE '/tmp/never'",
    "CREATE TABLE f (b String) ENGINE = File(CSV)",
    "CREATE DATABASE f ENGINE = Filesystem('/etc')",
    "CREATE TABLE f (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/never/')",
    "ATTACH TABLE f FROM '/tmp/never' (a UInt8) ENGINE = MergeTree ORDER BY a",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a UInt8')",
    "SELECT * FROM remote('127.0.0.1:1', system.one)",
    "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM Python(environ)",
    "BACKUP DATABASE tidelake TO Disk('default', 'never')",
    "CREATE USER other",
    "GRANT ALL ON *.* TO default",
    "SYSTEM SHUTDOWN",
]


@pytest.mark.parametrize("sql", REACHING)
def test_refused(gateway: Gateway, table: str, sql: str) -> None:
    response = gateway.post(sql)
    assert response.status_code >= 400
    assert SECRET not in response.text
    assert not Path("/tmp/never").exists()


def test_refused_in_the_body_of_values(gateway: Gateway, table: str) -> None:
    response = gateway.post("(file('/etc/passwd'))", query="INSERT INTO t (b) FORMAT Values")
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"
    assert "what" not in response.text


def test_refused_in_a_setting(gateway: Gateway) -> None:
    setting = "file('/etc/passwd') = ''"
    response = gateway.post("SELECT 1 AS a", additional_result_filter=setting)
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def test_refused_in_the_structure_of_an_external_table(gateway: Gateway) -> None:
    structure = "a UInt8, s String DEFAULT file('/etc/passwd')"
    answer = gateway.curl("-F", "e=1", "-F", f"e_structure={structure}", "-F", "query=SELECT s FROM e", gateway.url)
    assert "Code: " in answer
    assert SECRET not in answer
    files = {"e": ("e", b"1\n")}
    params = {"query": "SELECT s FROM e", "e_structure": structure, "e_format": "CSV"}
    response = gateway.http.post(gateway.url, params=params, files=files)
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def test_refused_after_a_long_text(gateway: Gateway) -> None:
    response = gateway.post(f"SELECT '{'x' * 1_500_000}', file('/etc/passwd')")
    assert response.headers["X-ClickHouse-Exception-Code"] == "497"


def test_dictionary_over_a_file_is_refused(client: Client) -> None:
    source = "SOURCE(`FILE`(PATH '/etc/passwd' FORMAT 'LineAsString'))"
    sql = f"CREATE DICTIONARY d (k UInt64, v String) PRIMARY KEY k {source} LIFETIME(1) LAYOUT(FLAT())"
    with pytest.raises(Exception, match="not allowed"):
        client.command(sql)


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 'file(x)'",
        b"SELECT file, python FROM t",
        b"SELECT profile('x')",
        b"INSERT INTO t VALUES ('a file (old)')",
        b"SELECT outfile FROM t INTO",
    ],
)
def test_allowed(sql: bytes) -> None:
    guard.check(read(sql))
    guard.check_values(sql)


def test_says_what_to_do() -> None:
    with pytest.raises(ClickHouseError, match=r"file\(…\) is not allowed.*load the data through an INSERT"):
        guard.check(read(b"SELECT file('x')"))
