"""GET /v1/lineage/<ranking>: the way of an answer back to its sources, column by column."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.http.endpoint import endpoint
from serving.http.models import LineageAnswer
from serving.http.parameters import Nothing
from serving.http.paths import Named
from serving.http.questions import ranking_named
from serving.http.representation import json_response


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("lineage", __name__)

    @endpoint(made, "GET", "/v1/lineage/<name>", LineageAnswer, problems=(400, 404))
    def ranking_lineage(path: Named, query: Nothing) -> Response:
        """Where a ranking's answers come from: datasets, and the flows between their columns."""
        return json_response(lineage_document(api, path.name), max_age_seconds=60)

    return made


def lineage_document(api: Api, name: str) -> dict[str, object]:
    """The document. Raises Problem if there is no such ranking."""
    return api.stores.lineage.of(ranking_named(name, api.rankings).name)
