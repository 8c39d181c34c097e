"""Who may ask: everything under /v1 needs an API key as bearer token (RFC 6750)."""

from __future__ import annotations

from flask import Flask, g, request

from serving.compose import Api
from serving.http.problem import Problem
from serving.keys import READ

GUARDED = "/v1/"


def register(app: Flask, api: Api) -> None:
    """Lets nobody without a key pass to the guarded routes, whether they exist or not."""

    def check() -> None:
        if request.path.startswith(GUARDED):
            _check(api)

    app.before_request(check)


def _check(api: Api) -> None:
    holder = api.key_ring.holder(_bearer(request.headers.get("Authorization")))
    if holder is None:
        raise _unauthorized("The API key is unknown, expired or revoked.", 'Bearer error="invalid_token"')
    g.key_id = holder.key_id
    if READ not in holder.scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{READ}"'
        raise Problem(
            403, "forbidden", f"The API key lacks the scope {READ!r}.", headers={"WWW-Authenticate": challenge}
        )


def _bearer(header: str | None) -> str:
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("An API key is required: send the header 'Authorization: Bearer KEY'.", "Bearer")
    return key.strip()


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": challenge})
