"""GET /v1/rankings/<name>/subject: one subject's rank among all, and its way through the periods."""

from __future__ import annotations

from dataclasses import replace

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.asked import Asked
from serving.compose import Api
from serving.evidence import Document
from serving.http.endpoint import endpoint
from serving.http.get_ranking import columns, respond
from serving.http.models import SubjectAnswer
from serving.http.parameters import SubjectOverTime
from serving.http.paths import Named
from serving.http.questions import EVERYONE, answered, asked, with_links
from serving.http.table import Kind


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("subject", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>/subject", SubjectAnswer, problems=(400, 404, 410, 412), table=True)
    def ranking_subject(path: Named, query: SubjectOverTime) -> Response:
        """One subject: its rank among all, and its rank in each day, week or month."""
        question = replace(asked(api, path.name, query), limit=EVERYONE)
        whole = answered(api, question, query)
        history = answered(api, replace(question, step=query.step), query)
        lines = with_links(api, whole, query)["data"]
        assert isinstance(lines, list)
        body: Document = {
            **with_links(api, history, query),
            "limit": query.limit,
            "subject": subject_named(question),
            "step": query.step.value,
            "standing": lines[0] if lines else None,
        }
        return respond(api, history, body, columns(history, before={"period": Kind.DAY}))

    return made


def subject_named(question: Asked) -> dict[str, str]:
    """The subject that is asked for, by column."""
    return dict(zip(question.ranking.subject, question.subject or (), strict=True))
