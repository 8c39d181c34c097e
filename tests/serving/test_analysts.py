"""Analysts get the API's numbers from plain SQL, with the clients they use, and can change nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render.cluster import SETTINGS, Cluster, on_cluster, profile
from rankings.render.views import analyst_access, sales_view, views
from stack.jars import class_path
from tests.serving.conftest import gateway, make_tables
from tests.serving.test_real_stores import Real, real  # noqa: F401  (a fixture)
from tests.serving.world import NOW, deltas, history

pytestmark = pytest.mark.servers

PAGE = Path(__file__).parents[2] / "docs" / "analysts.md"
VIEWS = sorted(ranking.slug for ranking in RANKINGS)
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.S)


@pytest.fixture
def world(real: Real) -> Real:  # noqa: F811
    """History up to a boundary, live from there on, and the views."""
    for statement in views():
        real.client.command(statement)
    changes = history(5)
    real.live(changes)
    real.reconcile(changes, changes[200][0].replace(microsecond=0), 1)
    real.seen_through(NOW)
    return real


def rows(client: Any, text: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(text).result_rows]


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
def test_a_view_has_the_numbers_of_the_api(world: Real, ranking: Ranking) -> None:
    given = {
        view: world.caller.answer(ranking.name, view=view, limit="1000")["data"] for view in ("merged", "reconciled")
    }
    columns = ", ".join(ranking.subject)
    order = ", ".join((*ranking.within, "rank"))
    found = rows(
        world.client,
        f"SELECT rank, {columns}, amount, sales, reconciled_amount + live_amount, reconciled_sales + live_sales "
        f"FROM {ranking.slug} WHERE currency = 'EUR' ORDER BY {order}",
    )
    expected = [
        (line["rank"], *(line[column] for column in ranking.subject), Decimal(line["amount"]), line["sales"])
        for line in given["merged"]
    ]
    assert [row[:-2] for row in found] == expected
    assert all(row[-4:-2] == row[-2:] for row in found)
    reconciled = rows(
        world.client,
        f"SELECT {columns}, sum(reconciled_amount) FROM {sales_view(ranking)} WHERE currency = 'EUR' "
        f"GROUP BY {columns} HAVING sum(reconciled_amount) != 0",
    )
    assert sorted(reconciled) == sorted(
        (*(line[column] for column in ranking.subject), Decimal(line["amount"]))
        for line in given["reconciled"]
        if Decimal(line["amount"])
    )


def test_before_the_first_publication_all_is_live(real: Real) -> None:  # noqa: F811
    for statement in views():
        real.client.command(statement)
    real.live(history(5))
    (row,) = rows(
        real.client, "SELECT sum(amount) = sum(live_amount), sum(reconciled_sales), count() > 0 FROM sales_by_day"
    )
    assert row == (1, 0, 1)


def test_every_example_runs(world: Real) -> None:
    assert len(EXAMPLES) >= 7
    for text in EXAMPLES:
        assert world.client.query(text).column_names
    assert rows(world.client, EXAMPLES[0])
    assert rows(world.client, EXAMPLES[1])


def test_every_table_and_column_says_what_it_is(world: Real) -> None:
    made = "database = 'tidelake' AND name NOT IN (SELECT name FROM system.tables WHERE engine = 'MaterializedView')"
    assert rows(world.client, f"SELECT name FROM system.tables WHERE {made} AND comment = ''") == []
    silent = rows(
        world.client,
        "SELECT table, name FROM system.columns WHERE database = 'tidelake' AND comment = '' AND table NOT IN "
        "(SELECT name FROM system.tables WHERE engine = 'MaterializedView')",
    )
    assert silent == []


def test_the_ddl_of_a_cluster_is_valid(world: Real) -> None:
    cluster = replace(Cluster("main"), database="tidelake")
    statements = [*on_cluster(cluster), *profile(cluster)]
    assert set(SETTINGS) <= {name for (name,) in rows(world.client, "SELECT name FROM system.settings")}
    for statement in [*statements, *(text.replace("{password:String}", "'x'") for text in analyst_access())]:
        world.client.command(f"EXPLAIN AST {statement}")
    assert all("ON CLUSTER main" in statement for statement in statements)
    local = [statement for statement in statements if "Replicated" in statement]
    assert len(local) == len([statement for statement in statements if "Distributed(main" in statement]) > 8
    filling = [statement for statement in statements if "MATERIALIZED" in statement]
    assert all("_local" in statement for statement in filling)


@pytest.fixture(scope="module")
def analyst() -> Iterator[str]:
    """The address of the reading user of a ClickHouse with some sales in it."""
    import clickhouse_connect

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TIDELAKE_CLICKHOUSE_ANALYST", "http://analyst:look@localhost/tidelake")
        with gateway() as (address, _process):
            make_tables(address)
            with clickhouse_connect.get_client(dsn=f"{address}tidelake") as client:
                for statement in views():
                    client.command(statement)
                ranking = RANKINGS[0]
                lines = [[row[0], *row[1], row[2].amount, row[2].sales, row[3]] for row in deltas(ranking, history(5))]
                columns = ["second", *ranking.sum_key, "amount", "sales", "records"]
                client.insert(ranking.live_table, lines, column_names=columns)
            yield f"{address.replace('default:secret', 'analyst:look')}tidelake"


def root(address: str) -> str:
    """Where the HTTP interface is: without the database."""
    return f"{address.rpartition('/')[0]}/"


def test_analysts_read_with_the_clients_they_use(analyst: str) -> None:
    import clickhouse_connect
    import pandas as pd
    import sqlalchemy

    text = "SELECT currency, sum(amount) AS total FROM sales_by_day GROUP BY currency ORDER BY currency"
    with clickhouse_connect.get_client(dsn=analyst) as client:
        expected = rows(client, text)
        assert [tuple(row) for row in client.query_df(text).itertuples(index=False)] == expected
        assert client.query_arrow(text).num_rows == len(expected)
    assert len(expected) == 2
    said = subprocess.run(
        ["curl", "-sS", root(analyst), "--data-binary", f"{text} FORMAT CSV"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split(",")[0].strip('"') for line in said.stdout.splitlines()] == ["EUR", "USD"]
    engine = sqlalchemy.create_engine(analyst.replace("http://", "clickhousedb://"))
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sqlalchemy.text(text))] == expected
        frame = pd.read_sql(sqlalchemy.text(text), connection, coerce_float=False)
        assert frame["total"].tolist() == [total for _, total in expected]
        assert all(isinstance(total, Decimal) for total in frame["total"])
        assert "top_sales_per_city" in sqlalchemy.inspect(connection).get_table_names(schema="tidelake")


def test_a_jdbc_driver_reads_what_the_others_read(analyst: str, tmp_path: Path) -> None:
    import clickhouse_connect

    with clickhouse_connect.get_client(dsn=analyst) as client:
        text = "SELECT toString(currency) AS code, sum(amount) FROM sales_by_day GROUP BY code ORDER BY code"
        expected = [f"{currency} {total}" for currency, total in rows(client, text)]
    path = class_path("clickhouse-jdbc")
    compile_command = [
        "javac",
        "-proc:none",
        "-d",
        str(tmp_path),
        "-cp",
        path,
        str(Path(__file__).with_name("Reads.java")),
    ]
    subprocess.run(compile_command, check=True)
    parts = urlsplit(analyst)
    address = f"jdbc:clickhouse://{parts.hostname}:{parts.port}/tidelake"
    command = ["java", "-cp", f"{tmp_path}:{path}", "Reads", address, "analyst", "look"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == [*expected, *(f"table {name}" for name in VIEWS), "error 396"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO publications (version) VALUES (9)",
        "DROP TABLE publications",
        "TRUNCATE TABLE live_top_sales_per_city",
        "CREATE TABLE mine (a Int8) ENGINE = Memory",
        "ALTER TABLE publications DELETE WHERE 1",
        "SELECT * FROM numbers(100) SETTINGS readonly = 0",
        "SELECT count() FROM numbers(1e12) SETTINGS max_execution_time = 0",
        "SELECT number FROM numbers(2000000)",
        "SET max_memory_usage = 0",
    ],
)
def test_analysts_change_nothing_and_keep_within_limits(analyst: str, statement: str) -> None:
    import httpx

    response = httpx.post(
        root(analyst), content=statement, params={"max_result_rows": "0", "readonly": "0"}, timeout=90
    )
    assert response.status_code not in (401, 404)
    assert response.status_code >= 400 or "Exception" in response.text[-2000:], response.text[:200]


@pytest.mark.parametrize("compressed", ["identity", "gzip"])
def test_a_query_that_a_limit_cuts_off_is_an_error_and_no_part_of_a_result(analyst: str, compressed: str) -> None:
    import httpx

    response = httpx.post(
        root(analyst),
        content="SELECT number FROM numbers(2000000)",
        params={"enable_http_compression": "1", "wait_end_of_query": "0"},
        headers={"Accept-Encoding": compressed},
        timeout=90,
    )
    assert (response.status_code, response.headers["X-ClickHouse-Exception-Code"]) == (500, "396")
    assert response.text.startswith("Code: 396. DB::Exception: Limit for result exceeded")
    within = httpx.post(root(analyst), content="SELECT number FROM numbers(900000)", timeout=90)
    assert (within.status_code, within.text.count("\n")) == (200, 900_000)


def test_analysts_cannot_ask_as_somebody_else(analyst: str) -> None:
    import httpx

    assert httpx.post(root(analyst), content="SELECT 1").text == "1\n"
    assert httpx.post(root(analyst).replace(":look@", ":guess@"), content="SELECT 1").status_code == 403
