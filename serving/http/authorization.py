"""Who may ask: everything under /v1 needs an API key or a token of the issuer, as bearer token (RFC 6750).

The page's cookie holds a key too. A browser sends it by itself, so it counts for what changes something only if the
request comes from our own page.
"""

from __future__ import annotations

from flask import Flask, Response, g, request

from serving.compose import Api
from serving.http.problem import Problem
from serving.keys import OPERATE, READ
from serving.limits import Allowance, Verdict

GUARDED = "/v1/"
COOKIE = "tidelake_key"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FOR_OPERATORS = "/v1/audit"


def register(app: Flask, api: Api) -> None:
    """Lets nobody without a key pass to the guarded routes, whether they exist or not."""

    def check() -> None:
        if request.path.startswith(GUARDED):
            admit(api, needed_scope())

    app.before_request(check)
    app.after_request(_tell_allowance)


def needed_scope() -> str:
    """What the request needs: to operate, or only to read (to be told that there is nothing there, for instance)."""
    if request.routing_exception is not None:
        return READ
    reads = request.method in SAFE and not request.path.startswith(FOR_OPERATORS)
    return READ if reads else OPERATE


def admit(api: Api, scope: str) -> None:
    """Notes who calls.

    Raises:
        Problem: 401 without a valid key, 403 without the scope, 429 beyond the rate limit.
    """
    who, scopes = _caller(api, _credential())
    g.key_id, g.scopes = who, scopes
    if scope not in scopes:
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        raise Problem(403, "forbidden", f"The API key lacks the scope {scope!r}.", headers=_challenge(challenge))
    g.allowance = allowance = api.limits.take(who)
    if allowance.verdict is Verdict.REFUSED:
        detail = f"Received more than {allowance.limit} requests in {allowance.window_seconds} s from this key."
        raise Problem(429, "too-many-requests", detail, headers={"Retry-After": str(allowance.reset_seconds)})


def _caller(api: Api, credential: str) -> tuple[str, tuple[str, ...]]:
    holder = api.key_ring.holder(credential) if not _is_token(credential) else None
    if holder is not None:
        return holder.key_id, holder.scopes
    bearer = api.bearers.holder(credential) if _is_token(credential) else None
    if bearer is None:
        detail = "The API key is unknown, expired or revoked."
        raise _unauthorized(detail, 'Bearer error="invalid_token"')
    return bearer.who, bearer.scopes


def _is_token(credential: str) -> bool:
    """A JSON Web Token has two dots; a key has none."""
    return credential.count(".") == 2


def _credential() -> str:
    header = request.headers.get("Authorization")
    cookie = request.cookies.get(COOKIE)
    if header is None and cookie:
        if request.method not in SAFE and not from_own_page():
            raise Problem(403, "forbidden", "A cookie alone changes nothing from another site's page.")
        return cookie
    scheme, _, key = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise _unauthorized("An API key is required: send the header 'Authorization: Bearer KEY'.", "Bearer")
    return key.strip()


def from_own_page() -> bool:
    """Whether the browser says that the request comes from a page of this very origin."""
    origin = request.headers.get("Origin")
    return origin is not None and origin == request.host_url.rstrip("/")


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers=_challenge(challenge))


def _challenge(text: str) -> dict[str, str]:
    return {"WWW-Authenticate": text}


def _tell_allowance(response: Response) -> Response:
    """How the rate limit stands: also that it was not checked, because Redis is away."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None and allowance.verdict is not Verdict.UNLIMITED:
        response.headers.add("RateLimit-Policy", f'"key";q={allowance.limit};w={allowance.window_seconds}')
        response.headers.add("Tidelake-Rate-Limit", allowance.verdict.value)
    return response
