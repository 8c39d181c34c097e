"""Rows arrive whole in every format, wherever the statement and the data stand, and a bad row leaves nothing behind."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stack_clickhouse.gateway import Gateway

pytestmark = pytest.mark.servers


def _written(gateway: Gateway) -> str:
    return gateway.post("SELECT a, b FROM t ORDER BY a FORMAT CSV").text


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')",
        "INSERT INTO t (a, b) VALUES (1, 'x'), (2, concat('y', ''));",
        "INSERT INTO t (a, b) FORMAT CSV\n1,x\n2,y\n",
        "INSERT INTO tidelake.t (a, b) SETTINGS async_insert = 0 FORMAT TSV\n1\tx\n2\ty\n",
        'INSERT INTO t FORMAT JSONEachRow {"a":1,"b":"x"} {"a":2,"b":"y"}',
        "INSERT INTO t (a, b) SELECT number + 1, ['x', 'y'][number + 1] FROM numbers(2)",
        "INSERT INTO t (a, b) VALUES(1,'x')(2,'y')",
    ],
)
def test_statement_and_data_in_the_body(gateway: Gateway, table: str, sql: str) -> None:
    response = gateway.post(sql)
    assert response.status_code == 200, response.text
    assert '"written_rows":"2"' in response.headers["X-ClickHouse-Summary"]
    assert _written(gateway) == '1,"x"\n2,"y"\n'


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("INSERT INTO t (a, b) FORMAT CSV", b"1,x\n2,y\n"),
        ("INSERT INTO t (a, b) VALUES", b"(1, 'x'), (2, 'y')"),
        ("INSERT INTO t (a, b)", b"(1, 'x'), (2, 'y')"),
        ("INSERT INTO t (a, b) FORMAT CSV 1,x", b"2,y\n"),
    ],
)
def test_statement_in_the_url(gateway: Gateway, table: str, query: str, body: bytes) -> None:
    response = gateway.post(body, query=query)
    assert response.status_code == 200, response.text
    assert _written(gateway) == '1,"x"\n2,"y"\n'


def test_statement_cut_into_compressed_frames(gateway: Gateway, table: str) -> None:
    body = b"".join(gzip.compress(piece) for piece in (b"INSERT INTO", b" t (a, b) FORM", b"AT CSV\n1,x\n2", b",y\n"))
    response = gateway.post(body, {"Content-Encoding": "gzip"})
    assert response.status_code == 200, response.text
    assert _written(gateway) == '1,"x"\n2,"y"\n'


@pytest.mark.parametrize("name", ["Arrow", "ArrowStream", "Parquet"])
def test_columnar_formats(gateway: Gateway, table: str, name: str) -> None:
    rows, file = pa.table({"a": pa.array([1, 2], pa.uint64()), "b": ["x", "y"]}), io.BytesIO()
    if name == "Parquet":
        pq.write_table(rows, file)
    else:
        opened = pa.ipc.new_file if name == "Arrow" else pa.ipc.new_stream
        with opened(file, rows.schema) as writer:
            writer.write_table(rows)
    assert gateway.post(file.getvalue(), query=f"INSERT INTO t (a, b) FORMAT {name}").status_code == 200
    assert _written(gateway) == '1,"x"\n2,"y"\n'


def test_parameters_in_values(gateway: Gateway, table: str) -> None:
    gateway.post("INSERT INTO t (a, b) VALUES (1, {s:String})", param_s="x")
    assert _written(gateway) == '1,"x"\n'


def test_large_compressed_body_is_one_part(gateway: Gateway, table: str) -> None:
    lines = b"".join(b"%d,%s,1.00\n" % (n, b"x" * 20) for n in range(200_000))
    query = "INSERT INTO t FORMAT CSV"
    response = gateway.post(gzip.compress(lines, 1), {"Content-Encoding": "gzip"}, query=query)
    assert response.status_code == 200, response.text
    assert gateway.post("SELECT count(), sum(a) FROM t FORMAT CSV").text == "200000,19999900000\n"
    parts = "SELECT count() FROM system.parts WHERE active AND database = 'tidelake' AND table = 't'"
    assert gateway.post(parts).text == "1\n"


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("INSERT INTO t (a, b) FORMAT CSV", b"1,x\nnot a number,y\n", "27"),
        ("INSERT INTO t (a, b) FORMAT JSONEachRow", b'{"a":1,"b":"x"}\n{"a":', "32"),
        ("INSERT INTO t (a, b) VALUES", b"(1, 'x'); DROP TABLE t", "62"),
        ("INSERT INTO t (a, nothing) FORMAT CSV", b"1,x\n", "16"),
        ("INSERT INTO nowhere FORMAT CSV", b"1,x\n", "60"),
        ("INSERT INTO t FORMAT Nothing", b"1,x\n", "73"),
    ],
)
def test_bad_rows_leave_nothing(gateway: Gateway, table: str, query: str, body: bytes, code: str) -> None:
    response = gateway.post(body, query=query)
    assert response.headers.get("X-ClickHouse-Exception-Code") == code, response.text
    assert _written(gateway) == ""


def test_damaged_body_leaves_nothing(gateway: Gateway, table: str) -> None:
    body = gzip.compress(b"1,x,1\n" * 1000)[:-20]
    response = gateway.post(body, {"Content-Encoding": "gzip"}, query="INSERT INTO t FORMAT CSV")
    assert response.headers["X-ClickHouse-Exception-Code"] == "271"
    assert _written(gateway) == ""
