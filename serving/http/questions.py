"""From a request's parameters to the question, and from there to the answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
from flask import g

from rankings.catalogue import ranking
from rankings.contract import shown
from rankings.ranking import Ranking
from serving.answers import Answer
from serving.asked import Asked
from serving.compose import Api
from serving.document import document
from serving.evidence import Document, instant, reconciliation
from serving.found import Store
from serving.http import cursor
from serving.http.parameters import VALID, Compare, OverTime, Parameters, Question, Subject, invalid, wrong
from serving.http.problem import Problem

EVERYONE = 1_000_000_000
"""A limit that nobody reaches."""


def ranking_named(name: str, among: tuple[Ranking, ...]) -> Ranking:
    """The ranking of that name.

    Raises:
        Problem: 404, naming those there are.
    """
    try:
        return ranking(name, among)
    except KeyError:
        names = [each.name for each in among]
        detail = f"Received {shown(name)}, valid: {', '.join(names)}."
        raise Problem(404, "unknown-ranking", detail, members={"received": name, "valid": names}) from None


def asked(api: Api, name: str, given: Question) -> Asked:
    """The question of a request.

    Args:
        api: knows the rankings and the default currency.
        name: the ranking's.
        given: the parameters.

    Raises:
        Problem: 404, if there is no such ranking; 400, with everything that is wrong.
    """
    about = ranking_named(name, api.rankings)
    question = Asked(
        about,
        given.view,
        _currency(given, api.settings.default_currency),
        given.first_day,
        given.last_day,
        given.country,
        given.limit,
        as_of=given.as_of,
    )
    return _further(question, given)


def _currency(given: Question, default: str) -> str:
    currency = given.currency or default
    if not currency:
        raise invalid([wrong("currency", None, VALID["currency"])])
    return currency


def _further(question: Asked, given: Question) -> Asked:
    if isinstance(given, Subject):
        return _of_subject(question, given)
    if given.country is not None and "country" not in question.ranking.subject:
        text = f"{question.ranking.name} does not tell countries apart: leave it out"
        raise invalid([wrong("country", given.country, text)])
    if isinstance(given, OverTime):
        return replace(question, step=given.step)
    if isinstance(given, Compare):
        return replace(question, against=(given.against_first, given.against_last))
    if isinstance(given, Parameters) and given.cursor is not None:
        return _further_down(question, given.cursor)
    return question


def _of_subject(question: Asked, given: Subject) -> Asked:
    """The subject's columns, all of them and no others, say whom it is about; the country does not narrow the ranks."""
    columns = {"country": given.country, "city": given.city, "salesman_id": given.salesman_id}
    wanted = question.ranking.subject
    errors = [wrong(column, None, f"a name: {' and '.join(wanted)} are ranked together") for column in wanted
              if columns[column] is None]  # fmt: skip
    errors += [wrong(column, value, f"left out: {question.ranking.name} does not rank it")
               for column, value in columns.items() if value is not None and column not in wanted]  # fmt: skip
    if errors:
        raise invalid(errors)
    subject = tuple(str(columns[column]) for column in wanted)
    return replace(question, country=None, subject=subject)


def _further_down(question: Asked, text: str) -> Asked:
    token = cursor.unpacked(cursor.RankCursor, text)
    if token is None or token.question != question.digest or token.after < 1 or token.version < 0:
        raise cursor.not_a_cursor(text)
    return replace(question, after=token.after, as_of=token.version, until=datetime.fromisoformat(token.until))


def answered(api: Api, question: Asked, given: Question) -> Answer:
    """The answer, once the position that its caller names has been reached. Raises what `Answers.answer` raises."""
    not_before = api.positions.wait(given.min_position) if given.min_position else None
    answer = api.answers.answer(question, not_before)
    g.view, g.cached = question.view.value, answer.cached
    return answer


def until(answer: Answer) -> datetime:
    """The log second before which the answer's live deltas lie."""
    return answer.asked.until or answer.read_at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)


def pinned_version(answer: Answer) -> int:
    """The version that the answer is pinned to, 0 for none."""
    publication = answer.standing.publication
    return publication.version if publication else 0


def next_page(api: Api, answer: Answer, given: Parameters) -> str | None:
    """The cursor of the page behind this one, pinned to the same position; None if this is the last."""
    if not answer.ranked.more:
        return None
    first = answer.asked
    if given.cursor is not None:
        first = asked(api, first.ranking.name, given.model_copy(update={"cursor": None}))
    token = cursor.RankCursor(
        question=first.digest,
        after=answer.asked.after + answer.asked.limit,
        version=pinned_version(answer),
        until=until(answer).isoformat(),
    )
    return cursor.packed(token)


class Proof(cursor.Token):
    """What the link of an answer's evidence says: the question, its position, and a digest of the figures given."""

    ranking: str
    question: dict[str, str]
    version: int
    until: str
    digest: str
    after: int = 0
    store: str = Store.CLICKHOUSE


def with_links(api: Api, answer: Answer, given: Question) -> Document:
    """The answer's document, with the stable link of its evidence."""
    body = document(answer, api.settings.freshness_limit_seconds)
    proof = Proof(
        ranking=answer.asked.ranking.name,
        question=said(given),
        version=pinned_version(answer),
        until=instant(until(answer)),
        digest=figures_digest(answer.asked.ranking, body["data"]),
        after=answer.asked.after,
        store=answer.store.value,
    )
    evidence = body["evidence"]
    assert isinstance(evidence, dict)
    evidence["reconciliation"] = reconciliation(api.reconciliations.now())
    evidence["link"] = f"/v1/evidence/{cursor.packed(proof)}"
    return body


def said(given: Question) -> dict[str, str]:
    """The parameters that a caller wrote, apart from those that only say where or when."""
    left_out = {"cursor", "as_of", "min_position"}
    return {
        (field.alias or name): str(getattr(given, name))
        for name, field in type(given).model_fields.items()
        if (name in given.model_fields_set or name == "step")
        and name not in left_out
        and getattr(given, name) is not None
    }


def figures_digest(about: Ranking, data: object) -> str:
    """The same for the same figures, whatever the names beside them, which are the last ones seen; 32 hex digits."""
    names = {label.column for label in about.labels}
    if names and isinstance(data, list):
        data = [{column: value for column, value in line.items() if column not in names} for line in data]
    return lines_digest(data)


def lines_digest(data: object) -> str:
    """The same for the same lines; 32 hexadecimal digits."""
    return hashlib.blake2b(orjson.dumps(data), digest_size=16).hexdigest()
