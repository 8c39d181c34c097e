"""GET /v1/rankings/<name>/over-time: a ranking by day, week or month."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.http.endpoint import endpoint
from serving.http.get_ranking import columns, respond
from serving.http.models import OverTimeAnswer
from serving.http.parameters import OverTime
from serving.http.paths import Named
from serving.http.questions import answered, asked, with_links
from serving.http.table import Kind


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("over_time", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>/over-time", OverTimeAnswer, problems=(400, 404, 410, 412), table=True)
    def ranking_over_time(path: Named, query: OverTime) -> Response:
        """A ranking for each day, week or month; `limit` holds in each."""
        answer = answered(api, asked(api, path.name, query), query)
        body = {**with_links(api, answer, query), "step": query.step.value}
        return respond(api, answer, body, columns(answer, before={"period": Kind.DAY}))

    return made
