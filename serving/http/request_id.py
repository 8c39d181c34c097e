"""An id for each request: the caller's if it is sane, else a new one; in the response, in problems and in the log."""

from __future__ import annotations

import re
import secrets

import structlog
from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-ID"

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def current_request_id() -> str | None:
    """The id of the request that this thread works on."""
    return getattr(g, "request_id", None) if has_request_context() else None


def register(app: Flask) -> None:
    """Gives every request its id."""
    app.before_request(_give)
    app.after_request(_tell)


def _give() -> None:
    received = request.headers.get(HEADER, "")
    g.request_id = received if _SANE.fullmatch(received) else secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _tell(response: Response) -> Response:
    response.headers.add(HEADER, g.request_id)
    return response
