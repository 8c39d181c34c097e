"""GET /v1/rankings/<name>: the answer."""

from __future__ import annotations

from flask import Blueprint, Response, g

from rankings.catalogue import ranking
from rankings.contract import shown
from rankings.ranking import Ranking
from serving.compose import Api
from serving.document import document
from serving.http.parameters import asked
from serving.http.problem import Problem
from serving.http.representation import json_response


def blueprint(api: Api) -> Blueprint:
    """The endpoint."""
    made = Blueprint("get_ranking", __name__)

    @made.get("/v1/rankings/<name>")
    def get_ranking(name: str) -> Response:
        question = asked(_ranking(name, api.rankings), api.settings.default_currency)
        answer = api.answers.answer(question)
        g.view, g.cached = question.view.value, answer.cached
        body = document(answer, api.settings.freshness_limit_seconds)
        return json_response(body, max_age_seconds=api.settings.cache_tick_ms // 1000)

    return made


def _ranking(name: str, among: tuple[Ranking, ...]) -> Ranking:
    try:
        return ranking(name, among)
    except KeyError:
        names = [each.name for each in among]
        detail = f"Received {shown(name)}, valid: {', '.join(names)}."
        raise Problem(404, "unknown-ranking", detail, members={"received": name, "valid": names}) from None
