"""GET /v1/rankings: what can be asked for."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from rankings.ranking import Ranking
from serving.compose import Api
from serving.http.endpoint import endpoint
from serving.http.models import RankingList
from serving.http.parameters import VALID, Nothing
from serving.http.representation import json_response


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("list_rankings", __name__)

    @endpoint(made, "GET", "/v1/rankings", RankingList, problems=(400,))
    def list_rankings(query: Nothing) -> Response:
        """The rankings that there are, and the parameters that they take."""
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
