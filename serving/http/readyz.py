"""GET /readyz: whether ClickHouse and PostgreSQL can be asked."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from serving.compose import Api
from serving.http.problem import Problem
from serving.http.representation import json_response
from serving.ports import StoreFailed

READY = "ready"


def blueprint(api: Api) -> Blueprint:
    """The endpoint. Redis is not asked: without it answers are slower, never missing."""
    made = Blueprint("readyz", __name__)

    @made.get("/readyz")
    def readyz() -> Response:
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
