"""GET /readyz: whether ClickHouse and PostgreSQL can be asked."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from serving.compose import Api
from serving.http.endpoint import HEALTH, endpoint
from serving.http.problem import Problem
from serving.http.representation import json_response
from serving.ports import StoreFailed

READY = "ready"


class Readiness(BaseModel):
    """Both stores can be asked."""

    status: str
    checks: dict[str, str]


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint. Redis is not asked: without it answers are slower, never missing."""
    made = APIBlueprint("readyz", __name__)

    @endpoint(made, "GET", "/readyz", Readiness, HEALTH, problems=(503,), keyless=True)
    def readyz() -> Response:
        """Whether ClickHouse and PostgreSQL can be asked."""
        checks = {
            "clickhouse": _state(api.stores.deltas.publication),
            "postgresql": _state(api.stores.totals.published),
        }
        missing = [f"{name}: {state}" for name, state in checks.items() if state != READY]
        if missing:
            raise Problem(503, "not-ready", f"Missing: {'; '.join(missing)}.", members={"checks": checks})
        return json_response({"status": READY, "checks": checks})

    return made


def _state(ask: Callable[[], object]) -> str:
    try:
        ask()
    except StoreFailed as error:
        return error.wrong
    return READY
