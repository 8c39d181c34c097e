"""GET /healthz: the process lives."""

from __future__ import annotations

from flask import Blueprint, Response

from serving.http.representation import json_response


def blueprint() -> Blueprint:
    """The endpoint; it asks nobody, so that a dead store never gets a living process restarted."""
    made = Blueprint("healthz", __name__)

    @made.get("/healthz")
    def healthz() -> Response:
        return json_response({"status": "ok"})

    return made
