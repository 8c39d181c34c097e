"""One event for each request: who asked what, how it ended, how long it took. Never a key."""

from __future__ import annotations

import time

import structlog
from flask import Flask, Response, g, request

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by whoever watches the process: logged only if they fail."""


def register(app: Flask) -> None:
    """Logs every request."""
    app.before_request(_start)
    app.after_request(_log)


def _start() -> None:
    g.started = time.perf_counter()


def _log(response: Response) -> Response:
    if request.path in QUIET and response.status_code < 400:
        return response
    spent = time.perf_counter() - g.started
    structlog.get_logger("serving.access").info(
        "request answered",
        **{
            "http.request.method": request.method,
            "url.path": request.path,
            "url.query": request.query_string.decode("latin-1"),
            "http.response.status_code": response.status_code,
            "event.duration": int(spent * 1e9),
            "client.address": request.remote_addr,
        },
        key_id=g.get("key_id"),
        view=g.get("view"),
        cached=g.get("cached"),
    )
    return response
