"""GET /openapi.json and /docs: the reference, made from the typed endpoints; its page loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import orjson
from flask import Blueprint, Response, render_template, send_file
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from serving.http.endpoint import schemas
from serving.http.problem import Problem

DESCRIPTION = """Rankings of sales: history and live as one exact answer, with its evidence.

Every address under `/v1` needs a key: `Authorization: Bearer KEY`. Errors are `application/problem+json` and say what
was received and what is valid. Money is an exact decimal string."""

SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the OpenID Connect issuer."}
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Swagger UI sets styles by itself; scripts are our own files alone."""

ASSETS = {"swagger-ui-bundle.js": "js", "swagger-ui.css": "css"}


class _Application(OpenAPI):
    """Calls its functions as they are: none is a coroutine, and the library would look anew at each request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def application(name: str, **further: Any) -> OpenAPI:
    """The application that endpoints register at."""
    info = Info(title="Tidelake", version=version("tidelake"), description=DESCRIPTION)
    return _Application(name, info=info, security_schemes=SCHEMES, doc_ui=False, **further)


def blueprint(app: OpenAPI) -> Blueprint:
    """The endpoints of the reference itself."""
    made = Blueprint("reference", __name__)
    # Of this application alone: another one, with other endpoints, may live in the same process.
    made_once = cache(lambda: orjson.dumps(document(app), option=orjson.OPT_INDENT_2))

    @made.get("/openapi.json")
    def openapi() -> Response:
        return Response(made_once(), headers={"Cache-Control": "no-cache"}, content_type="application/json")

    @made.get("/docs")
    def docs() -> Response:
        return Response(render_template("docs.html"), headers={"Content-Security-Policy": POLICY})

    @made.get("/docs/<name>")
    def docs_asset(name: str) -> Response:
        if name not in ASSETS:
            raise Problem(404, "not-found", f"Valid: {', '.join(ASSETS)}.")
        found = files("flask_openapi3_swagger") / "templates" / "swagger" / ASSETS[name] / name
        return send_file(str(found), max_age=3600)

    return made


def document(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    made: dict[str, Any] = orjson.loads(orjson.dumps(app.api_doc))
    components = made.setdefault("components", {})
    components["schemas"] = {**_used(components.get("schemas", {})), **schemas()}
    made["paths"] = dict(sorted(made["paths"].items()))
    for operations in made["paths"].values():
        for operation in operations.values():
            _mend(operation)
    return made


def _used(known: dict[str, Any]) -> dict[str, Any]:
    """Without what the library adds of its own accord: its errors are not ours."""
    return {name: schema for name, schema in known.items() if not name.startswith("Validation")}


def _mend(operation: dict[str, Any]) -> None:
    """Parameters that need not be there are left out, not sent as null: their schemas say so."""
    operation["responses"].pop("422", None)
    operation["summary"] = operation["summary"].removesuffix(".")
    if "description" in operation:
        operation["description"] = operation["description"].replace("<br/>", " ").strip()
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema |= kinds[0]
        elif kinds:
            schema["anyOf"] = kinds
        schema.pop("default", None) if schema.get("default", "") is None else None
        for name in ("title", "description"):
            schema.pop(name, None)
