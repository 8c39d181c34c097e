"""Headers that keep a browser from doing more with a response than what it is for."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.datastructures import Headers

NOTHING = "default-src 'none'; frame-ancestors 'none'"

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register(app: Flask) -> None:
    """Adds them to every response; pages bring a policy of their own."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    # No view sets these itself, but for the policy.
    headers: Headers = response.headers
    headers.extend(HEADERS)
    if "Content-Security-Policy" not in headers:
        headers.add("Content-Security-Policy", NOTHING)
    return response
