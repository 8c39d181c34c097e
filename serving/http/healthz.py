"""GET /healthz: the process lives."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from serving.http.endpoint import HEALTH, endpoint
from serving.http.representation import json_response


class Health(BaseModel):
    """The process lives."""

    status: str


def blueprint() -> APIBlueprint:
    """The endpoint; it asks nobody, so that a dead store never gets a living process restarted."""
    made = APIBlueprint("healthz", __name__)

    @endpoint(made, "GET", "/healthz", Health, HEALTH, keyless=True)
    def healthz() -> Response:
        """Whether the process lives."""
        return json_response({"status": "ok"})

    return made
