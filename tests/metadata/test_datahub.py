"""The lineage written to DataHub comes back from it: from DataHub Lite's file, or at a server's REST interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from metadata import datahub
from metadata.aspects import dataset_urn, job_urn, proposals
from metadata.graph import Graph
from metadata.lineage import GOLD, LIVE, lineage, route
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from runtime.errors import Permanent, Retryable
from runtime.settings import settings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:datahub")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    settings.cache_clear()
    yield
    settings.cache_clear()


def kept(urn: str) -> dict[str, Any]:
    """What DataHub Lite says of an entity, by aspect."""
    from datahub.lite.sqlite_lite import SqliteLite

    with closing(SqliteLite.create({"file": str(datahub.lite_file()), "read_only": True})) as lite:
        found: dict[str, Any] = lite.get(urn, aspects=None) or {}
        return found


def kept_upstreams(urn: str) -> set[str]:
    """All that an entity comes from, as DataHub Lite knows it."""
    found: set[str] = set()
    todo = {urn}
    while todo:
        lineage_of = kept(todo.pop()).get("upstreamLineage", {"upstreams": []})
        upstreams = {each["dataset"] for each in lineage_of["upstreams"]}
        todo |= upstreams - found
        found |= upstreams
    return found


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.name)
def test_every_answer_leads_back_to_the_operational_table(ranking: Ranking) -> None:
    emitted = datahub.emit()
    assert emitted.where == str(datahub.lite_file())
    table = "urn:li:dataset:(urn:li:dataPlatform:postgres,shop.public.sales,PROD)"
    assert table in kept_upstreams(dataset_urn(route(ranking)))


def test_columns_come_back() -> None:
    datahub.emit()
    live = "urn:li:dataset:(urn:li:dataPlatform:clickhouse,tidelake.live_top_sales_per_city,PROD)"
    aspects = kept(live)
    assert [field["fieldPath"] for field in aspects["schemaMetadata"]["fields"]][:2] == ["business_day", "currency"]
    by_column = {
        each["downstreams"][0]: each["upstreams"] for each in aspects["upstreamLineage"]["fineGrainedLineages"]
    }
    topic = "urn:li:dataset:(urn:li:dataPlatform:kafka,cdc.public.sales,PROD)"
    assert f"urn:li:schemaField:({topic},city)" in by_column[f"urn:li:schemaField:({live},city)"]
    assert f"urn:li:schemaField:({topic},occurred_at)" in by_column[f"urn:li:schemaField:({live},business_day)"]


def test_jobs_come_back_with_what_they_read_and_write() -> None:
    datahub.emit()
    aspects = kept(job_urn(LIVE))
    assert aspects["dataJobInfo"]["description"] == LIVE.description
    assert (
        "urn:li:dataset:(urn:li:dataPlatform:kafka,cdc.public.sales,PROD)"
        in (aspects["dataJobInputOutput"]["inputDatasets"])
    )
    outputs = kept(job_urn(GOLD))["dataJobInputOutput"]["outputDatasets"]
    assert len(outputs) == len(RANKINGS)


def test_the_same_lineage_again_makes_no_new_versions() -> None:
    import sqlite3

    def versions() -> int:
        with closing(sqlite3.connect(datahub.lite_file())) as file:
            return int(file.execute("SELECT count(*) FROM metadata_aspect_v2").fetchone()[0])

    datahub.emit()
    once = versions()
    datahub.emit()
    assert versions() == once


class Server(ThreadingHTTPServer):
    """Takes what a DataHub server takes, for the token `good`, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.proposals: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._answer(200 if self._allowed() else 401, {"noCode": "true", "versions": {}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.proposals.append(body["proposal"])
        self._answer(200, {"value": "urn"})

    def _allowed(self) -> bool:
        return self.headers["Authorization"] == "Bearer good"

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Tests stay quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("TIDELAKE_DATAHUB_GMS", f"http://127.0.0.1:{running.server_port}")
        monkeypatch.setenv("TIDELAKE_DATAHUB_TOKEN", "good")
        settings.cache_clear()
        yield running
        running.shutdown()


def test_a_server_gets_every_aspect(server: Server) -> None:
    graph = lineage()
    emitted = datahub.emit(graph)
    said = {(each["entityUrn"], each["aspectName"]) for each in server.proposals}
    assert said == {(each.entityUrn, each.aspectName) for each in proposals(graph)}
    assert emitted.aspects == len(server.proposals)
    assert not datahub.lite_file().exists()


def test_a_refused_token_is_not_worth_another_try(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_DATAHUB_TOKEN", "s3cret")
    settings.cache_clear()
    with pytest.raises(Permanent, match="TIDELAKE_DATAHUB_TOKEN") as raised:
        datahub.emit()
    assert "s3cret" not in str(raised.value)


def test_a_server_that_is_away_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_DATAHUB_GMS", "http://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(Retryable, match="TIDELAKE_DATAHUB_GMS"):
        datahub.emit(Graph(()))
