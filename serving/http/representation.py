"""Responses: in the form that the caller accepts, with what caches and conditional requests need."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response, request

from serving.http.problem import Problem
from serving.http.table import Kind, Table, as_arrow, as_csv

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
FORMATS = (JSON, CSV, ARROW)

CHANGES_WITH_TIME = frozenset({"answered_at", "cached", "freshness", "link", "reconciliation", "sources"})
"""Of the evidence: what differs between two answers that say the same."""


def json_response(body: object, max_age_seconds: int = 0) -> Response:
    """A response that only the caller itself may keep, and only that long.

    Args:
        body: anything that orjson writes.
        max_age_seconds: 0 lets it be kept, but not used again without asking.
    """
    return _response(orjson.dumps(body), JSON, max_age_seconds)


def table_response(body: Mapping[str, Any], table: Table, etag: str, max_age_seconds: int = 0) -> Response:
    """An answer as JSON, CSV or Arrow, whichever the caller likes best; 304 if the caller has it already.

    Args:
        body: the whole document, for JSON; its evidence goes beside the lines of the others, too.
        table: the lines.
        etag: the same for two answers that say the same.
        max_age_seconds: as for `json_response`.

    Raises:
        Problem: 406, if the caller accepts none of them.
    """
    form = accepted(FORMATS)
    response = _response(_encoded(form, body, table), form, max_age_seconds)
    evidence = body.get("evidence", {})
    if "link" in evidence:
        response.headers["Link"] = f'<{evidence["link"]}>; rel="describedby"'
    if "partial" in evidence:
        response.headers["Tidelake-Partial"] = "true" if evidence["partial"] else "false"
    if body.get("next"):
        response.headers["Tidelake-Next"] = body["next"]
    response.set_etag(f"{etag}-{form.rpartition('/')[2][:4]}", weak=True)
    response.make_conditional(request)
    return response


def list_response(body: Mapping[str, Any], columns: Mapping[str, Kind]) -> Response:
    """A list as JSON, CSV or Arrow; in a table, a cell of several values has blanks between them.

    Args:
        body: the whole document; its `data` are the lines.
        columns: of the table.

    Raises:
        Problem: 406, if the caller accepts none of the forms.
    """
    lines = [{name: _flat(value) for name, value in line.items()} for line in body["data"]]
    return table_response(body, Table(columns, lines), list_etag(body))


def list_etag(body: Mapping[str, Any]) -> str:
    """From all that a list says."""
    said = {name: value for name, value in body.items() if name not in CHANGES_WITH_TIME}
    return hashlib.blake2b(orjson.dumps(said), digest_size=8).hexdigest()


def _flat(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def accepted(forms: tuple[str, ...]) -> str:
    """The form that the caller likes best; the first of them for those who do not say.

    Raises:
        Problem: 406, if it is none of them.
    """
    if "Accept" not in request.headers:
        return forms[0]
    best = request.accept_mimetypes.best_match(forms)
    if best is None:
        received = request.headers["Accept"]
        detail = f"Received Accept: {received[:200]!r}, valid: {', '.join(forms)}."
        raise Problem(406, "not-acceptable", detail, members={"received": received, "valid": list(forms)})
    return str(best)


def answer_etag(version: int, digest: str, body: Mapping[str, Any]) -> str:
    """From what answers are kept by (version and question), and what this one says."""
    kept = {name: value for name, value in body["evidence"].items() if name not in CHANGES_WITH_TIME}
    kept["topics"] = [each["topic"] for each in body["evidence"]["freshness"]]
    said = hashlib.blake2b(orjson.dumps([body["data"], kept]), digest_size=8).hexdigest()
    return f"v{version}-{digest[:12]}-{said}"


def _encoded(form: str, body: Mapping[str, Any], table: Table) -> bytes:
    if form == CSV:
        return as_csv(table)
    if form == ARROW:
        return as_arrow(table, {name: value for name, value in body.items() if name != "data"})
    return orjson.dumps(body)


def _response(body: bytes, form: str, max_age_seconds: int) -> Response:
    kept = f"private, max-age={max_age_seconds}" if max_age_seconds else "private, no-cache"
    charset = "; charset=utf-8" if form == CSV else ""
    headers = {"Cache-Control": kept, "Vary": "Accept, Authorization, Cookie"}
    return Response(body, headers=headers, content_type=form + charset)
