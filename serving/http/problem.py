"""Errors as callers get them: problem+json of RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson
import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from serving.http.request_id import current_request_id
from serving.ports import StoreFailed
from serving.positions import NotReached
from serving.slots import Busy
from serving.versions import NoSuchVersion, NotKept

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818  (the RFC's own word)
    """Ends a request with an error.

    Args:
        status: the HTTP status.
        kind: names the kind of problem; the last part of its `type`.
        detail: what was wrong, as sentences.
        members: further members of the document, such as `errors`.
        headers: further headers of the response.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = HTTPStatus(status), kind, detail
        self.members, self.headers = dict(members or {}), dict(headers or {})


def respond(problem: Problem) -> Response:
    """The response that says it."""
    document = {
        "type": f"urn:tidelake:problem:{problem.kind}",
        "title": problem.kind.replace("-", " ").capitalize(),
        "status": problem.status.value,
        "detail": problem.detail,
        "instance": request.path,
        "request_id": current_request_id(),
        **problem.members,
    }
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(orjson.dumps(document), problem.status, headers, content_type=MEDIA_TYPE)


def register(app: Flask) -> None:
    """Lets every error leave as a problem."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(StoreFailed, _from_store)
    app.register_error_handler(Busy, _busy)
    app.register_error_handler(NotReached, _not_reached)
    app.register_error_handler(NoSuchVersion, _no_such_version)
    app.register_error_handler(NotKept, _not_kept)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _unexpected)


def _from_store(error: StoreFailed) -> Response:
    """What a store said to us is for the log; callers get what it means to them."""
    structlog.get_logger().warning("a request could not be answered", reason=str(error))
    detail = f"{error.wrong}; {error.todo or 'try again in a few seconds'}."
    return respond(Problem(503, "store-away", detail, headers={"Retry-After": "2"}))


def _busy(error: Busy) -> Response:
    detail = f"{error.wrong}; {error.todo}."
    return respond(Problem(503, "busy", detail, headers={"Retry-After": "1"}))


def _not_reached(error: NotReached) -> Response:
    detail = f"{error.wrong}; {error.todo}."
    return respond(Problem(412, "position-not-reached", detail, headers={"Retry-After": "1"}))


def _no_such_version(error: NoSuchVersion) -> Response:
    detail = f"Version {error.received} was never published; GET /v1/publications lists those that were."
    received = error.received if isinstance(error.received, int) and error.received < 2**53 else str(error.received)
    return respond(Problem(404, "unknown-version", detail, members={"received": received}))


def _not_kept(error: NotKept) -> Response:
    return respond(Problem(410, "version-not-kept", f"{error.wrong[:1].upper()}{error.wrong[1:]}; {error.todo}."))


def _from_http(error: HTTPException) -> Response:
    """Unknown routes, methods that a route does not serve, and the like."""
    status = HTTPStatus(error.code or 500)
    kept = {"Allow", "Retry-After", "Location"}
    headers = {name: value for name, value in error.get_headers() if name in kept}
    kind = status.phrase.lower().replace(" ", "-")
    return respond(Problem(status, kind, _detail(error, status), headers=headers))


def _detail(error: HTTPException, status: HTTPStatus) -> str:
    if status is HTTPStatus.NOT_FOUND:
        return f"There is nothing at {request.path!r}; GET /v1/rankings lists what can be asked for."
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        valid = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
        return f"Received {request.method}, valid: {valid}."
    return error.description or status.phrase


def _unexpected(error: Exception) -> Response:
    structlog.get_logger().error("a request failed unexpectedly", exc_info=error)
    return respond(Problem(500, "internal-error", "Something went wrong here; the log knows it under the request_id."))
