"""The pages: rankings, why a number, versions, drift, quarantine, and the door."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from pydantic import ValidationError

from runtime.errors import TidelakeError
from serving.compose import Api
from serving.http.authorization import COOKIE, admit, from_own_page
from serving.http.drift import drift
from serving.http.freshness import freshness_document
from serving.http.parameters import DriftPages, Pages, QuarantinePages, Subject
from serving.http.problem import Problem
from serving.http.publications import publications
from serving.http.quarantine import quarantine
from serving.http.why import why
from serving.keys import OPERATE, READ
from serving.page.rankings import Panel, choices, panels
from serving.page.timeline import timeline
from serving.ports import StoreFailed

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

View = Callable[..., Any]


def blueprint(api: Api) -> Blueprint:
    """The pages."""
    made = Blueprint("pages", __name__)
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
        given = {name: value for name, value in request.args.items() if value}
        found: list[Panel] = panels(api, given)
        drawn = timeline(found[0].body if found and found[0].body else None, api.clock())
        return _page("home.html", panels=found, freshness=_freshness(api), timeline=drawn, choices=choices(api, given))

    @made.get("/why/<name>")
    @guarded(api)
    def why_page(name: str) -> Response:
        body = why(api, name, _read(Subject))
        return _page("why.html", why=body)

    @made.get("/publications")
    @guarded(api)
    def publications_page() -> Response:
        found = publications(api, 2**31 - 1, _read(Pages).limit)
        return _page("publications.html", list=found, may_operate=OPERATE in g.scopes)

    @made.get("/drift")
    @guarded(api)
    def drift_page() -> Response:
        return _page("drift.html", drift=drift(api, _read(DriftPages)))

    @made.get("/quarantine")
    @guarded(api)
    def quarantine_page() -> Response:
        found = quarantine(api, _read(QuarantinePages))
        return _page("quarantine.html", list=found, may_operate=OPERATE in g.scopes)


def _freshness(api: Api) -> dict[str, object]:
    """As far as it is known: without it the page still has the figures of the other store."""
    try:
        return freshness_document(api)
    except StoreFailed:
        return {"topics": []}


def _doing(made: Blueprint, api: Api) -> None:
    @made.post("/publications/<int:version>/publish")
    @guarded(api, OPERATE)
    def publish(version: int) -> Response:
        return _outcome("pages.publications_page", lambda: api.operators.publish(version, g.key_id, g.request_id))

    @made.post("/quarantine/<path:record_id>/replay")
    @guarded(api, OPERATE)
    def replay(record_id: str) -> Response:
        return _outcome("pages.quarantine_page", lambda: api.operators.replay(record_id, g.key_id, g.request_id))


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
                return _page("problem.html", problem.status, detail=problem.detail)
            except TidelakeError as error:
                return _page(
                    "problem.html", 503, detail=f"{error.wrong}. {error.todo or 'Try again in a few seconds.'}"
                )

        return wrapper

    return decorate


def _read(model: type[Any]) -> Any:
    given = {name: value for name, value in request.args.items() if value}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        names = ", ".join(str(each["loc"][0]) if each["loc"] else "the parameters" for each in error.errors())
        raise Problem(400, "invalid-parameters", f"Not valid: {names}.") from error


def _outcome(back: str, work: Callable[[], str]) -> Response:
    try:
        work()
    except TidelakeError as error:
        return _page("problem.html", 409, detail=str(error))
    return redirect(url_for(back), 303)  # type: ignore[return-value]


def _page(template: str, status: int = 200, **values: Any) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-store"}
    return Response(render_template(template, **values), status, headers, content_type="text/html; charset=utf-8")
