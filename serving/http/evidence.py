"""GET /v1/evidence/<id>: the evidence of an answer, read again at the position that the answer was given at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import ValidationError

from serving.answers import Answer
from serving.asked import Asked
from serving.compose import Api
from serving.document import document
from serving.evidence import instant
from serving.found import Store
from serving.http import cursor
from serving.http.endpoint import endpoint
from serving.http.models import EvidenceAgain
from serving.http.parameters import Compare, Nothing, OverTime, Question, Subject, SubjectOverTime
from serving.http.paths import EvidencePath
from serving.http.problem import Problem
from serving.http.questions import EVERYONE, Proof, asked, figures_digest
from serving.http.representation import json_response

CHANGED = (
    "more changes with a log time of the answer's last seconds have arrived since, or the live deltas of its time have "
    "been replaced by a reconciliation"
)
OTHER_STORE = "the figures came from the totals in PostgreSQL, which ClickHouse was not there to give"


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("evidence", __name__)

    @endpoint(made, "GET", "/v1/evidence/<evidence_id>", EvidenceAgain, problems=(400, 404, 410))
    def answer_evidence(path: EvidencePath, query: Nothing) -> Response:
        """The evidence of an answer: its position, the certificate, and whether the same figures come again."""
        return json_response(evidence_again(api, path.evidence_id))

    return made


def evidence_again(api: Api, evidence_id: str) -> dict[str, object]:
    """The document.

    Raises:
        Problem: 404, if there is no such evidence.
        StoreFailed: what it is read from is away.
    """
    proof = cursor.unpacked(Proof, evidence_id)
    question = _question(api, proof) if proof else None
    if proof is None or question is None:
        raise Problem(404, "not-found", "There is no such evidence: links come with answers.")
    return _again(proof, api.answers.answer(question))


def _question(api: Api, proof: Proof) -> Asked | None:
    """The question at its position, or None if the link does not hold one."""
    try:
        given = _kind(proof.question).model_validate(proof.question)
        question = asked(api, proof.ranking, given)
        until = datetime.fromisoformat(proof.until)
    except (ValidationError, ValueError, Problem):
        return None
    if until.tzinfo is None or proof.version < 0 or not 0 <= proof.after <= EVERYONE:
        return None
    limit = EVERYONE if question.subject else question.limit
    step = given.step if isinstance(given, SubjectOverTime) else question.step
    return replace(question, as_of=proof.version, until=until, after=proof.after, limit=limit, step=step)


def _kind(said: dict[str, str]) -> type[Question]:
    """Which endpoint's question it is, by the parameters that only that one has."""
    if "against_from" in said:
        return Compare
    if "city" in said or "salesman_id" in said:
        return SubjectOverTime if "step" in said else Subject
    return OverTime if "step" in said else Question


def _again(proof: Proof, answer: Answer) -> dict[str, object]:
    body = document(answer, 0.0)
    again = figures_digest(answer.asked.ranking, body["data"])
    publication = answer.standing.publication
    same = again == proof.digest
    because = OTHER_STORE if proof.store != Store.CLICKHOUSE else CHANGED
    evidence = body["evidence"]
    assert isinstance(evidence, dict)
    return {
        "ranking": proof.ranking,
        "question": proof.question,
        "publication": evidence["publication"],
        "certificate": f"/v1/publications/{publication.version}" if publication else None,
        "live_from": instant(answer.history.boundary) if answer.history else None,
        "live_until": proof.until,
        "store": answer.store.value,
        "given": proof.digest,
        "again": again,
        "same": same,
        "differs_because": None if same else because,
        "data": body["data"],
    }
