"""Unmodified clickhouse-connect does all that the platform asks of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import clickhouse_connect
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.stack_clickhouse.gateway import PASSWORD, USER, Gateway

pytestmark = pytest.mark.servers

ROWS = [(1, "København", Decimal("1.10")), (2, "it's\ta\\b\n", Decimal("-9999999999999999.99"))]
COLUMNS = ["a", "b", "d"]


def test_connects(client: Client) -> None:
    assert str(client.server_version).startswith("26.")
    assert str(client.server_tz) == "UTC"
    assert client.ping()


def test_rows(client: Client, table: str) -> None:
    summary = client.insert(table, ROWS, column_names=COLUMNS)
    assert summary.written_rows == 2
    assert client.query("SELECT * FROM t ORDER BY a").result_rows == ROWS


def test_pandas(client: Client, table: str) -> None:
    client.insert_df(table, pd.DataFrame(ROWS, columns=COLUMNS))
    assert client.query_df("SELECT * FROM t ORDER BY a").to_numpy().tolist() == [list(row) for row in ROWS]


def test_arrow(client: Client, table: str) -> None:
    types = [pa.uint64(), pa.string(), pa.decimal128(18, 2)]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*ROWS, strict=True), types, strict=True)]
    summary = client.insert_arrow(table, pa.table(columns, names=COLUMNS))
    assert summary.written_rows == 2
    assert client.query_arrow("SELECT * FROM t ORDER BY a", use_strings=True).to_pylist() == [
        dict(zip(COLUMNS, row, strict=True)) for row in ROWS
    ]


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_encodings(gateway: Gateway, table: str, compress: bool | str) -> None:
    client = gateway.client(compress=compress)
    client.insert(table, [[n, "x" * 50, Decimal(n)] for n in range(5000)], column_names=COLUMNS)
    rows = client.query("SELECT a, b FROM t ORDER BY a").result_rows
    assert len(rows) == 5000
    assert rows[4999] == (4999, "x" * 50)


def test_parameters(client: Client) -> None:
    values = {"s": "it's\ta\\b\n", "l": [1, 2], "d": Decimal("1.50"), "t": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
    sql = "SELECT {s:String}, {l:Array(UInt8)}, {d:Decimal(18, 2)}, {t:DateTime('UTC')}"
    row = (values["s"], [1, 2], values["d"], datetime(2026, 1, 2, 3, 4, 5))
    assert client.query(sql, parameters=values).result_rows == [row]


def test_long_parameters_come_as_a_form(client: Client) -> None:
    assert client.query("SELECT length({s:String})", parameters={"s": "x" * 200_000}).result_rows == [(200_000,)]


def test_identifiers(client: Client, table: str) -> None:
    assert client.command("SELECT count() FROM {t:Identifier}", parameters={"t": table}) == 0


def test_settings(client: Client) -> None:
    sql = "SELECT getSetting('max_threads')"
    assert client.query(sql, settings={"max_threads": 7}).result_rows == [(7,)]
    assert client.query(sql).result_rows != [(7,)]


def test_external_data(client: Client) -> None:
    data = ExternalData(file_name="ext.csv", data=b"1,a\n2,b\n", fmt="CSV", structure="n UInt8, s String")
    for _ in range(2):
        assert client.query("SELECT * FROM ext ORDER BY n", external_data=data).result_rows == [(1, "a"), (2, "b")]
    data = ExternalData(file_name="ext.csv", data=b"1,1.5\n", fmt="CSV", types="UInt8, Decimal(18, 2)")
    assert client.query("SELECT _2 FROM ext", external_data=data).result_rows == [(Decimal("1.50"),)]


def test_streams(client: Client) -> None:
    with client.query_row_block_stream("SELECT number FROM numbers(1000000)") as blocks:
        assert sum(len(block) for block in blocks) == 1_000_000


def test_given_up_stream(gateway: Gateway) -> None:
    client = gateway.client(autogenerate_session_id=False)
    with client.query_row_block_stream("SELECT number FROM numbers(30000000)") as blocks:
        assert len(next(iter(blocks))) > 0
    assert client.command("SELECT 1") == 1


@pytest.mark.filterwarnings("ignore")
def test_error_in_a_stream(client: Client) -> None:
    sql = "SELECT number, throwIf(number = 2900000) FROM numbers(3000000)"
    with (
        pytest.raises(StreamFailureError, match="395"),
        client.query_row_block_stream(sql, settings={"max_block_size": 65536}) as blocks,
    ):
        for _ in blocks:
            pass


def test_errors(client: Client) -> None:
    with pytest.raises(DatabaseError) as raised:
        client.query("SELECT * FROM nowhere")
    assert (raised.value.code, raised.value.name) == (60, "UNKNOWN_TABLE")


def test_wrong_password(gateway: Gateway) -> None:
    with pytest.raises(DatabaseError) as raised:
        gateway.client(password="wrong")
    assert raised.value.code == 516


def test_empty_answers(client: Client) -> None:
    assert client.query("SELECT 1 AS a WHERE 0").result_rows == []
    assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)
    assert client.command("SELECT 1 WHERE 0") == ""


def test_raw(client: Client, table: str) -> None:
    assert client.raw_insert(table, COLUMNS, b"1,x,2.5\n2,y,3\n", fmt="CSV").written_rows == 2
    assert client.raw_query("SELECT * FROM t ORDER BY a", fmt="JSONCompactEachRow") == b'[1, "x", 2.5]\n[2, "y", 3]\n'


def test_asynchronous(gateway: Gateway) -> None:
    async def ask() -> list[object]:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=gateway.port, username=USER, password=PASSWORD
        )
        try:
            return list(await asyncio.gather(*(client.command(f"SELECT {n}") for n in range(10))))
        finally:
            await client.close()

    assert asyncio.run(ask()) == list(range(10))
