"""GET /v1/freshness: how far every job has come, by partition."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.evidence import freshness, instant, reconciliation, sources
from serving.http.endpoint import OPERATION, endpoint
from serving.http.operation_models import FreshnessAnswer
from serving.http.parameters import Nothing
from serving.http.representation import list_response
from serving.http.table import Kind
from serving.records import Position

EPOCH_YEAR = 1970

COLUMNS = {
    "path": Kind.TEXT,
    "topic": Kind.TEXT,
    "partition": Kind.NUMBER,
    "committed": Kind.NUMBER,
    "log_end": Kind.NUMBER,
    "lag_records": Kind.NUMBER,
    "seen_through": Kind.TEXT,
    "lag_seconds": Kind.SECONDS,
    "measured_at": Kind.TEXT,
}


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("freshness", __name__)

    @endpoint(made, "GET", "/v1/freshness", FreshnessAnswer, OPERATION, problems=(400,), table=True)
    def freshness_of_sources(query: Nothing) -> Response:
        """How far every job has come in every partition, and what that means for each source."""
        return list_response(freshness_document(api), COLUMNS)

    return made


def freshness_document(api: Api) -> dict[str, object]:
    """The document."""
    now = api.clock()
    standing = api.answers.standing()
    return {
        "data": [_line(each, now) for each in api.positions.now()],
        "topics": [freshness(each, now) for each in standing.progress],
        "sources": sources(standing, now),
        "reconciliation": reconciliation(api.reconciliations.now()),
        "answered_at": instant(now),
    }


def _line(position: Position, now: datetime) -> dict[str, object]:
    seen = position.seen_through if position.seen_through.year > EPOCH_YEAR else None
    return {
        "path": position.path,
        "topic": position.topic,
        "partition": position.partition,
        "committed": position.committed,
        "log_end": position.log_end,
        "lag_records": max(0, position.log_end - position.committed),
        "seen_through": instant(seen) if seen else None,
        "lag_seconds": max(0.0, round((now - seen).total_seconds(), 3)) if seen else None,
        "measured_at": instant(position.measured_at),
    }
