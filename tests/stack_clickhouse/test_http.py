"""curl and plain HTTP see what a ClickHouse server would answer: formats, headers, status codes, error texts."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.stack_clickhouse.gateway import PASSWORD, USER, Gateway

pytestmark = pytest.mark.servers


def test_curl(gateway: Gateway) -> None:
    assert gateway.curl(gateway.url, "-d", "SELECT 1, 'a'") == "1\ta\n"
    assert gateway.curl(f"{gateway.url}/?query=SELECT%202") == "2\n"
    assert gateway.curl("-H", "Transfer-Encoding: chunked", gateway.url, "-d", "SELECT 3") == "3\n"
    assert gateway.curl(f"{gateway.url}/?query=SELECT%204%20AS", "-d", "a FORMAT JSONEachRow") == '{"a":4}\n'
    assert gateway.curl("-F", "query=SELECT {x:UInt8} + 1", "-F", "param_x=4", gateway.url) == "5\n"


def test_headers(gateway: Gateway) -> None:
    response = gateway.post("SELECT number FROM numbers(3) FORMAT CSV", query_id="mine")
    assert response.text == "0\n1\n2\n"
    headers = response.headers
    assert headers["X-ClickHouse-Query-Id"] == "mine"
    assert headers["X-ClickHouse-Format"] == "CSV"
    assert headers["X-ClickHouse-Timezone"] == "UTC"
    assert headers["X-ClickHouse-Server-Display-Name"] == "tidelake"
    assert headers["Content-Type"].startswith("text/csv")
    summary = json.loads(headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"], summary["written_rows"]) == ("3", "3", "0")
    assert int(summary["elapsed_ns"]) > 0


def test_query_id_is_made(gateway: Gateway) -> None:
    assert uuid.UUID(gateway.post("SELECT 1").headers["X-ClickHouse-Query-Id"])


def test_formats(gateway: Gateway) -> None:
    sql = "SELECT 1 AS a"
    assert gateway.post(sql).text == "1\n"
    assert gateway.post(sql, default_format="JSONEachRow").text == '{"a":1}\n'
    assert gateway.post(sql, {"X-ClickHouse-Format": "CSVWithNames"}).text == '"a"\n1\n'
    assert gateway.post(f"{sql} FORMAT TSKV", default_format="JSON").text == "a=1\n"
    assert gateway.post(f"{sql} FORMAT JSON").json()["data"] == [{"a": 1}]
    totals = "SELECT number % 2 AS a, count() FROM numbers(4) GROUP BY a WITH TOTALS ORDER BY a FORMAT CSV"
    assert gateway.post(totals).text == "0,2\n1,2\n\n0,4\n"


def test_database(gateway: Gateway) -> None:
    assert gateway.post("SELECT currentDatabase()").text == "tidelake\n"
    assert gateway.post("SELECT currentDatabase()", database="system").text == "system\n"
    assert gateway.post("SELECT currentDatabase()", {"X-ClickHouse-Database": "default"}).text == "default\n"


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELECT * FROM nowhere", 404, 60, "UNKNOWN_TABLE"),
        ("SELECT nothing", 404, 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT 1 FORMAT Nothing", 404, 73, "UNKNOWN_FORMAT"),
        ("SELEC 1", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, 62, "SYNTAX_ERROR"),
        ("", 400, 62, "SYNTAX_ERROR"),
        ("SELECT 1 AS a, toUInt8('x')", 400, 6, "CANNOT_PARSE_TEXT"),
        ("SELECT throwIf(1)", 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("DROP TABLE system.one", 403, 497, "ACCESS_DENIED"),
    ],
)
def test_errors(gateway: Gateway, sql: str, status: int, code: int, name: str) -> None:
    response = gateway.post(sql)
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert response.text.startswith(f"Code: {code}. DB::Exception: ")
    assert f"({name}) (version " in response.text


def test_unknown_database(gateway: Gateway) -> None:
    assert gateway.post("SELECT 1", database="nowhere").status_code == 404


def test_get_changes_nothing(gateway: Gateway) -> None:
    for sql in ("CREATE TABLE never (a UInt8) ENGINE = Memory", "INSERT INTO never VALUES (1)", "SYSTEM FLUSH LOGS"):
        response = httpx.get(gateway.url, params={"query": sql}, auth=(USER, PASSWORD))
        assert response.headers["X-ClickHouse-Exception-Code"] == "164"
    assert gateway.post("EXISTS TABLE never").text == "0\n"


def test_other_paths_and_methods(gateway: Gateway) -> None:
    assert httpx.get(f"{gateway.url}/nothing").status_code == 404
    assert httpx.put(gateway.url).status_code == 405
    assert httpx.head(gateway.url).status_code == 200


def test_unserved_is_said(gateway: Gateway) -> None:
    assert gateway.post("SELECT 1", role="admin").headers["X-ClickHouse-Exception-Code"] == "511"
    assert gateway.post("INSERT INTO t SELECT * FROM input('a UInt8') FORMAT CSV\n1").status_code == 501


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers(gateway: Gateway, encoding: str) -> None:
    sql = "SELECT number FROM numbers(2000)"
    packed = gateway.post(sql, {"Accept-Encoding": encoding}, enable_http_compression=1)
    assert packed.headers["Content-Encoding"] == encoding
    assert packed.text == gateway.post(sql, {"Accept-Encoding": encoding}).text


def test_kept_connection_answers_without_stalls(gateway: Gateway) -> None:
    with httpx.Client(auth=(USER, PASSWORD)) as kept:
        times = [kept.post(gateway.url, content="SELECT 1").elapsed.total_seconds() for _ in range(50)]
    # A delayed acknowledgement would cost 40 ms each time.
    assert sorted(times)[len(times) // 2] < 0.03


def test_error_within_an_answer(gateway: Gateway) -> None:
    sql = "SELECT number, throwIf(number = 2000000) FROM numbers(3000000) SETTINGS max_block_size = 65536"
    got = b""
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("POST", gateway.url, content=sql, auth=(USER, PASSWORD)) as response,
    ):
        for piece in response.iter_bytes():
            got += piece
    tag = response.headers["X-ClickHouse-Exception-Tag"]
    assert got.endswith(f" {tag}\r\n__exception__\r\n".encode())
    assert f"\r\n__exception__\r\n{tag}\r\nCode: 395. ".encode() in got


def test_error_before_a_whole_answer(gateway: Gateway) -> None:
    sql = "SELECT number, throwIf(number = 2000000) FROM numbers(3000000) SETTINGS max_block_size = 65536"
    assert gateway.post(sql, wait_end_of_query=1).status_code == 500


def test_large_answers_take_no_memory(gateway: Gateway) -> None:
    sql = "SELECT number, toString(number) FROM numbers(20000000) FORMAT RowBinary"
    before, size = _resident(gateway), 0
    with httpx.stream("POST", gateway.url, content=sql, auth=(USER, PASSWORD)) as response:
        for piece in response.iter_raw():
            size += len(piece)
    assert size > 300 << 20
    assert _resident(gateway) - before < 150 << 20


def _resident(gateway: Gateway) -> int:
    import psutil

    assert gateway.process is not None
    return int(psutil.Process(gateway.process.pid).memory_info().rss)
