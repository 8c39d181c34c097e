"""GET /v1/rankings: what can be asked for."""

from __future__ import annotations

from flask import Blueprint, Response

from rankings.ranking import Ranking
from serving.compose import Api
from serving.http.parameters import VALID, refuse_any
from serving.http.representation import json_response


def blueprint(api: Api) -> Blueprint:
    """The endpoint."""
    made = Blueprint("list_rankings", __name__)

    @made.get("/v1/rankings")
    def list_rankings() -> Response:
        refuse_any()
        return json_response({"data": [_described(ranking) for ranking in api.rankings], "parameters": VALID})

    return made


def _described(ranking: Ranking) -> dict[str, object]:
    return {
        "name": ranking.name,
        "title": ranking.title,
        "subject": ranking.subject,
        "within": ranking.within,
        "measure": ranking.measure.column,
        "href": f"/v1/rankings/{ranking.name}",
    }
