"""GET /metrics: what a Prometheus server reads; each process tells its own requests."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from flask import Flask, Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from serving.compose import Api
from serving.found import Standing
from serving.http.endpoint import HEALTH, endpoint
from serving.ports import StoreFailed
from serving.records import Reconciliation

NO_ROUTE = "none"
"""Stands for every address that there is no endpoint for: a label takes few values."""

STATES = ("running", "waiting", "retrying", "stopped", "unknown")


class Exposition(BaseModel):
    """Metrics in Prometheus's text format."""


def blueprint(registry: CollectorRegistry) -> APIBlueprint:
    """The endpoint.

    Args:
        registry: whose metrics it tells.
    """
    made = APIBlueprint("metrics", __name__)

    @endpoint(made, "GET", "/metrics", Exposition, HEALTH, form="text/plain", keyless=True)
    def metrics() -> Response:
        """Requests of this process, and how sources, live figures, reconciliations and nights fare, for Prometheus."""
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return made


def register(app: Flask, api: Api) -> CollectorRegistry:
    """Times every request. The registry of this application alone: another one may live in the same process."""
    registry = CollectorRegistry()
    registry.register(Platform(api))
    seconds = Histogram(
        "tidelake_api_request_seconds",
        "From a request to its answer.",
        ("method", "route", "status"),
        registry=registry,
    )

    def observe(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else NO_ROUTE
        spent = time.perf_counter() - g.started
        seconds.labels(request.method, route, str(response.status_code)).observe(spent)
        return response

    app.after_request(observe)
    return registry


class Platform(Collector):
    """What evidence and freshness tell, as gauges, asked for when they are read."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def collect(self) -> Iterable[Metric]:
        """Every gauge; those whose store is away are left out, and `tidelake_store_up` says so."""
        found = self._standing()
        reconciled = self._api.reconciliations.now()
        stores = {"clickhouse": found, "postgresql": reconciled}
        up: dict[tuple[str, ...], float] = {(store,): float(told is not None) for store, told in stores.items()}
        yield _gauge("tidelake_store_up", "Whether a store answers.", up, "store")
        if found is not None:
            yield from _published(found)
            yield from _live(found, self._api.clock())
            yield from _sources(found)
        if reconciled is not None:
            yield from _reconciliations(reconciled)
            yield from _nights(reconciled)

    def describe(self) -> Iterable[Metric]:
        """Nothing: a store need not answer for the application to start."""
        return ()

    def _standing(self) -> Standing | None:
        try:
            return self._api.answers.standing()
        except StoreFailed:
            return None


def _reconciliations(found: Reconciliation) -> Iterable[Metric]:
    ends = {"success": found.last_success, "failure": found.last_failure}
    yield _gauge(
        "tidelake_reconciliation_last_end_timestamp_seconds",
        "When a reconciliation last published, and when one last came to nothing.",
        {(outcome,): run.at.timestamp() for outcome, run in ends.items() if run},
        "outcome",
    )
    yield _gauge(
        "tidelake_reconciliations_failed",
        "Reconciliations that came to nothing since the last that published.",
        {(): float(found.failed_since)},
    )


def _nights(found: Reconciliation) -> Iterable[Metric]:
    if found.last_night:
        yield _gauge(
            "tidelake_night_last_end_timestamp_seconds",
            "When the night's work last ended, well or not.",
            {(): found.last_night.at.timestamp()},
        )
    yield _gauge(
        "tidelake_nights_failed",
        "Nights whose work came to nothing since the last whose work was done.",
        {(): float(found.nights_failed)},
    )


def _published(found: Standing) -> Iterable[Metric]:
    published = found.publication
    if published is None:
        return
    yield _gauge(
        "tidelake_publication_version", "The version that answers are pinned to.", {(): float(published.version)}
    )
    yield _gauge(
        "tidelake_publication_boundary_timestamp_seconds",
        "Log time before which figures are reconciled.",
        {(): published.boundary.timestamp()},
    )


def _live(found: Standing, now: datetime) -> Iterable[Metric]:
    seen = {(each.topic,): each.seen_through for each in found.progress}
    yield _gauge(
        "tidelake_live_lag_seconds",
        "How long ago the log time was that live figures are complete through.",
        {topic: max(0.0, (now - at).total_seconds()) for topic, at in seen.items() if at},
        "topic",
    )
    yield _gauge(
        "tidelake_live_lag_records",
        "Records of the log that the live job has yet to take.",
        {(each.topic,): float(each.lag_records) for each in found.progress},
        "topic",
    )
    yield _gauge(
        "tidelake_quarantine_records",
        "Records open in quarantine.",
        {(topic,): float(records) for topic, records in found.quarantine.items()},
        "topic",
    )
    yield _gauge(
        "tidelake_quarantine_missing_sales",
        "Sales that answers may lack for what is in quarantine.",
        {(source,): float(sales) for source, sales in found.missing.items()},
        "source",
    )


def _sources(found: Standing) -> Iterable[Metric]:
    yield _gauge(
        "tidelake_source_state",
        "1 for the state that a source is in.",
        {(each.name, each.kind, state): float(each.state == state) for each in found.sources for state in STATES},
        *("source", "kind", "state"),
    )
    yield _gauge(
        "tidelake_source_last_read_timestamp_seconds",
        "When a reading of a source last came to its end.",
        {(each.name, each.kind): each.last_read_at.timestamp() for each in found.sources if each.last_read_at},
        *("source", "kind"),
    )


def _gauge(name: str, meaning: str, values: dict[tuple[str, ...], float], *labels: str) -> Metric:
    made = GaugeMetricFamily(name, meaning, labels=labels)
    for of, value in values.items():
        made.add_metric(of, value)
    return made
