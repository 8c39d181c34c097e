"""The pages: rankings, why a number, versions, drift, quarantine, and the door."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from runtime.errors import TidelakeError
from serving.compose import Api
from serving.document import EXACT, money
from serving.http import cursor
from serving.http.authorization import COOKIE, admit, from_own_page
from serving.http.drift import drift
from serving.http.evidence import evidence_again
from serving.http.freshness import freshness_document
from serving.http.parameters import (
    LARGEST_VERSION,
    Discarding,
    DriftPages,
    Pages,
    Parameters,
    QuarantinePages,
    Subject,
    understood,
)
from serving.http.problem import Problem
from serving.http.publications import publication, publications
from serving.http.quarantine import known, quarantine
from serving.http.why import why
from serving.keys import OPERATE, READ
from serving.page.formats import FILTERS
from serving.page.outline import outline
from serving.page.rankings import Panel, choices, lacks, panels, told
from serving.page.timeline import Timeline, timeline
from serving.ports import StoreFailed
from serving.versions import NoSuchVersion, NotKept

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

View = Callable[..., Any]

STATUSES: dict[type[TidelakeError], int] = {NoSuchVersion: 404, NotKept: 410}
"""Of the pages that tell of errors; any other is of a store that is away."""


def blueprint(api: Api) -> Blueprint:
    """The pages."""
    made = Blueprint("pages", __name__)
    for name, written in FILTERS.items():
        made.add_app_template_filter(written, name)
    _door(made, api)
    _looking(made, api)
    _doing(made, api)
    return made


def _door(made: Blueprint, api: Api) -> None:
    @made.get("/login")
    def login() -> Response:
        return _page("login.html", wrong=None)

    @made.post("/login")
    def enter() -> Response:
        key = request.form.get("key", "").strip()
        holder = api.key_ring.holder(key) if key else None
        if holder is None or READ not in holder.scopes or not from_own_page():
            return _page("login.html", 401, wrong="That key is unknown, expired, revoked, or may not read.")
        response = redirect("/", 303)
        secure = api.settings.secure_cookies
        response.set_cookie(COOKIE, key, httponly=True, samesite="Strict", secure=secure, path="/")
        return response  # type: ignore[return-value]

    @made.post("/logout")
    def leave() -> Response:
        response = redirect("/login", 303)
        response.delete_cookie(COOKIE, path="/")
        return response  # type: ignore[return-value]


def _looking(made: Blueprint, api: Api) -> None:
    @made.get("/")
    @guarded(api)
    def home() -> Response:
        return _home(api, _given())

    @made.get("/why/<name>")
    @guarded(api)
    def why_page(name: str) -> Response:
        return _page("why.html", why=why(api, name, _read(Subject)))

    @made.get("/evidence/<evidence_id>")
    @guarded(api)
    def evidence_page(evidence_id: str) -> Response:
        found = evidence_again(api, evidence_id)
        return _page("evidence.html", evidence=found, id=evidence_id, titles=_titles(api))

    _operating(made, api)


def _operating(made: Blueprint, api: Api) -> None:
    @made.get("/publications")
    @guarded(api)
    def publications_page() -> Response:
        done = request.args.get("published", type=int)
        query = _read(Pages, besides="published")
        before = cursor.list_after(query.cursor, "publications") or LARGEST_VERSION
        found = publications(api, before, query.limit)
        return _page("publications.html", list=found, may_operate=OPERATE in g.scopes, done=done)

    @made.get("/publications/<int:version>")
    @guarded(api)
    def certificate_page(version: int) -> Response:
        found = publication(api, version)
        kept = found["certificate"]
        return _page("certificate.html", one=found, tables=outline(kept) if isinstance(kept, dict) else [])

    @made.get("/drift")
    @guarded(api)
    def drift_page() -> Response:
        found = drift(api, _read(DriftPages))
        return _page("drift.html", drift={**found, "data": with_differences(found["data"])}, titles=_titles(api))

    @made.get("/quarantine")
    @guarded(api)
    def quarantine_page() -> Response:
        query = _read(QuarantinePages, besides="done")
        found, done = quarantine(api, query), request.args.get("done")
        return _page("quarantine.html", list=found, may_operate=OPERATE in g.scopes, state=query.state, done=done)


def _home(api: Api, given: dict[str, str]) -> Response:
    """The rankings, or what is wrong with the filters."""
    found: list[Panel] = []
    wrong: object = ()
    try:
        found = panels(api, given, understood(Parameters, given))
    except Problem as problem:
        wrong = problem.members["errors"]
    answered = next((panel.body for panel in found if panel.body), None)
    known = _freshness(api)
    drawn: Timeline | None = timeline(answered, known["topics"], api.clock()) if answered else None
    failures = list(dict.fromkeys(panel.wrong for panel in found if panel.wrong))
    return _page(
        "home.html",
        panels=found,
        wrong=wrong,
        failures=failures,
        lacks=lacks(found),
        answered=answered,
        timeline=drawn,
        sources=known["sources"],
        reconciliation=known["reconciliation"],
        choices=choices(api, given, found),
    )


def _titles(api: Api) -> dict[str, str]:
    return {each.name: each.title for each in api.rankings}


def with_differences(lines: Any) -> list[dict[str, object]]:
    """Lines of drift, each with how much more live had than history."""
    return [
        {**line, "difference": money(EXACT.subtract(Decimal(line["live_amount"]), Decimal(line["reconciled_amount"])))}
        for line in lines
    ]


def _freshness(api: Api) -> Any:
    """As far as it is known: without it the page still has the figures of the other store."""
    try:
        return freshness_document(api)
    except StoreFailed:
        return {"topics": [], "sources": [], "reconciliation": None}


def _doing(made: Blueprint, api: Api) -> None:
    @made.post("/publications/<int:version>/publish")
    @guarded(api, OPERATE)
    def publish(version: int) -> Response:
        back = url_for("pages.publications_page", published=version)
        return _outcome(back, lambda: api.operators.publish(version, g.key_id, g.request_id))

    @made.post("/quarantine/<path:record_id>/replay")
    @guarded(api, OPERATE)
    def replay(record_id: str) -> Response:
        known(api, record_id)
        back = url_for("pages.quarantine_page", done="replayed")
        return _outcome(back, lambda: api.operators.replay(record_id, g.key_id, g.request_id))

    @made.post("/quarantine/<path:record_id>/discard")
    @guarded(api, OPERATE)
    def discard(record_id: str) -> Response:
        why = understood(Discarding, request.form.to_dict()).why
        known(api, record_id)
        back = url_for("pages.quarantine_page", done="discarded")
        return _outcome(back, lambda: api.operators.discard(record_id, why, g.key_id, g.request_id))


def guarded(api: Api, scope: str = READ) -> Callable[[View], View]:
    """A page for those with a key; others are led to the door, and errors are told as a page."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapper(**parts: Any) -> Any:
            try:
                admit(api, scope)
                return view(**parts)
            except Problem as problem:
                if problem.status == 401:
                    return redirect("/login", 303)
                response = _page("problem.html", problem.status, detail=problem.detail)
                response.headers.update(problem.headers)
                return response
            except TidelakeError as error:
                return _page("problem.html", STATUSES.get(type(error), 503), detail=told(error))

        return wrapper

    return decorate


def _given() -> dict[str, str]:
    """What was written; an empty field of a form says nothing."""
    return {name: value for name, value in request.args.items() if value}


def _read(model: type[Any], besides: str = "") -> Any:
    return understood(model, {name: value for name, value in _given().items() if name != besides})


def _outcome(back: str, work: Callable[[], str]) -> Response:
    """Leads back to the list. A store that is away (the audit log: then nothing was done) is told by the guard."""
    try:
        work()
    except StoreFailed:
        raise
    except TidelakeError as error:
        said = str(error)
        return _page("problem.html", 409, detail=f"{said[:1].upper()}{said[1:]}.")
    return redirect(back, 303)  # type: ignore[return-value]


def _page(template: str, status: int = 200, **values: Any) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return Response(render_template(template, **values), status, headers, content_type="text/html; charset=utf-8")
