"""GET /v1/rankings/<name>/compare: a ranking, and what it was in another period."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.evidence import Document
from serving.http.endpoint import endpoint
from serving.http.get_ranking import columns, respond
from serving.http.models import ComparisonAnswer
from serving.http.parameters import Compare
from serving.http.paths import Named
from serving.http.questions import answered, asked, with_links
from serving.http.table import Kind, Table

FLAT = {"before_rank": Kind.NUMBER, "before_amount": Kind.MONEY, "before_sales": Kind.NUMBER}


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("compare", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>/compare", ComparisonAnswer, problems=(400, 404, 410, 412), table=True)
    def compare_periods(path: Named, query: Compare) -> Response:
        """A ranking of the days from `from` to `to`, with the same subjects' figures of the other days beside them."""
        answer = answered(api, asked(api, path.name, query), query)
        body: Document = {
            **with_links(api, answer, query),
            "against_from": query.against_first.isoformat(),
            "against_to": query.against_last.isoformat(),
        }
        further = {**FLAT, "amount_change": Kind.MONEY, "rank_change": Kind.NUMBER}
        table = columns(answer, behind=further)
        return respond(api, answer, body, Table(table.columns, _flat(body["data"])))

    return made


def _flat(lines: object) -> list[Document]:
    """The other period's figures as columns of their own."""
    assert isinstance(lines, list)
    return [{**line, **{f"before_{name}": value for name, value in line["before"].items()}} for line in lines]
