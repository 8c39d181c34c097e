"""GET /v1/rankings/<name>: the answer."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.answers import Answer
from serving.compose import Api
from serving.evidence import Document
from serving.http.endpoint import endpoint
from serving.http.models import RankingAnswer
from serving.http.parameters import Parameters
from serving.http.paths import Named
from serving.http.questions import answered, asked, next_page, pinned_version, with_links
from serving.http.representation import answer_etag, table_response
from serving.http.table import Kind, Table


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("get_ranking", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>", RankingAnswer, problems=(400, 404, 410, 412), table=True)
    def get_ranking(path: Named, query: Parameters) -> Response:
        """A ranking.

        The answer is history before the boundary and live from it on. Pages further down are pinned to the position
        that the first page was read at. CSV and Arrow hold the same lines; `Link` leads to their evidence.
        """
        answer = answered(api, asked(api, path.name, query), query)
        body = {**with_links(api, answer, query), "next": next_page(api, answer, query)}
        return respond(api, answer, body, columns(answer))

    return made


def columns(answer: Answer, before: dict[str, Kind] | None = None, behind: dict[str, Kind] | None = None) -> Table:
    """The columns of an answer's lines; without the lines."""
    ranking = answer.asked.ranking
    texts = (*ranking.subject, *(label.column for label in ranking.labels))
    names = {**(before or {}), "rank": Kind.NUMBER, **dict.fromkeys(texts, Kind.TEXT)}
    return Table({**names, "amount": Kind.MONEY, "sales": Kind.NUMBER, **(behind or {})}, ())


def respond(api: Api, answer: Answer, body: Document, table: Table) -> Response:
    """The answer in the form that its caller accepts. A table without lines takes those of the document."""
    lines = table.lines or body["data"]
    assert isinstance(lines, list)
    etag = answer_etag(pinned_version(answer), answer.asked.digest, body)
    age = api.settings.cache_tick_ms // 1000
    return table_response(body, Table(table.columns, lines), etag, age)
