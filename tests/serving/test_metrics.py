"""Prometheus reads how sources, live figures, reconciliations and nights fare, also while a store is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.found import SourceFares
from serving.records import NightEnd, Reconciliation, RunEnd
from tests.serving.world import NOW, Caller, Doubles, publication, standing

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def filled(doubles: Doubles) -> None:
    stopped = SourceFares("till", "rest", "events.rest", "stopped", "401", NOW - timedelta(hours=1), NOW)
    doubles.deltas.standings = replace(standing(publication(3, NOW - timedelta(days=1))), sources=(stopped,))
    well = RunEnd(3, NOW - timedelta(days=1), "published", None)
    bad, night = RunEnd(4, NOW, "failed", "the lake is away"), NightEnd(NOW, (), "ClickHouse does not answer")
    doubles.ledger.runs = Reconciliation(well, bad, 2, night, 3)


def scraped(caller: Caller) -> Samples:
    """Every sample, by name and labels."""
    answer = caller.client.get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def test_a_source_that_is_stopped_and_nights_that_failed_are_told(caller: Caller) -> None:
    found = scraped(caller)
    till = (("kind", "rest"), ("source", "till"))
    assert found["tidelake_source_state", (*till[:1], till[1], ("state", "stopped"))] == 1
    assert found["tidelake_source_state", (*till[:1], till[1], ("state", "running"))] == 0
    assert found["tidelake_source_last_read_timestamp_seconds", till] == (NOW - timedelta(hours=1)).timestamp()
    assert found["tidelake_reconciliations_failed", ()] == 2
    ended = "tidelake_reconciliation_last_end_timestamp_seconds"
    assert found[ended, (("outcome", "failure"),)] == NOW.timestamp()
    assert found["tidelake_night_last_end_timestamp_seconds", ()] == NOW.timestamp()
    assert found["tidelake_nights_failed", ()] == 3
    assert found["tidelake_publication_version", ()] == 3
    assert [found["tidelake_store_up", (("store", each),)] for each in ("clickhouse", "postgresql")] == [1, 1]


def test_a_store_that_is_away_is_told_and_the_rest_stays(caller: Caller, doubles: Doubles) -> None:
    doubles.deltas.switch.away = True
    found = scraped(caller)
    assert found["tidelake_store_up", (("store", "clickhouse"),)] == 0
    assert ("tidelake_publication_version", ()) not in found
    assert found["tidelake_reconciliations_failed", ()] == 2


def test_that_the_ledger_is_away_is_told_and_the_rest_stays(caller: Caller, doubles: Doubles) -> None:
    doubles.ledger.switch.away = True
    found = scraped(caller)
    assert found["tidelake_store_up", (("store", "postgresql"),)] == 0
    assert ("tidelake_nights_failed", ()) not in found
    assert found["tidelake_publication_version", ()] == 3


def test_requests_are_timed_by_route_and_not_by_address(caller: Caller) -> None:
    for path in ("/v1/freshness", "/v1/freshness", "/v1/publications/3", "/v1/publications/9", "/elsewhere"):
        caller.get(path)
    counted = {labels: value for (name, labels), value in scraped(caller).items() if name.endswith("seconds_count")}
    routes = {dict(labels)["route"]: value for labels, value in counted.items()}
    assert routes["/v1/freshness"] == 2
    assert {"/v1/publications/<int:version>", "none"} <= set(routes)
    assert not any("9" in route for route in routes)
