"""Who asks: the platform's own user, and maybe an analyst, whose names and passwords the settings' addresses hold."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from runtime.errors import Permanent
from stack.clickhouse.errors import ClickHouseError


@dataclass(frozen=True)
class Account:
    """An account.

    Attributes:
        user: its name.
        password: its password.
        database: where its queries run unless they name another.
        limits: settings that its queries are held to; with any, it may only read.
    """

    user: str
    password: str
    database: str
    limits: Mapping[str, str] = field(default_factory=dict)


def account_of(url: str) -> Account:
    """The account in an address such as `http://user:password@host:8123/database`.

    Raises:
        Permanent: the address is not one.

    >>> account_of("http://tidelake:s%40lt@127.0.0.1:8123/tidelake")
    Account(user='tidelake', password='s@lt', database='tidelake', limits={})
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Permanent(
            "the ClickHouse address is not a URL",
            received=f"{parts.scheme or 'no scheme'}://…",
            valid="http://user:password@host:port/database",
            todo="correct TIDELAKE_CLICKHOUSE",
        )
    database = unquote(parts.path.strip("/")) or "default"
    return Account(unquote(parts.username or "default"), unquote(parts.password or ""), database)


def readers_of(url: str) -> tuple[Account, ...]:
    """The analysts' account, if there is an address for them."""
    from rankings.render.views import LIMITS

    return (replace(account_of(url), limits=LIMITS),) if url else ()


def check(accounts: Sequence[Account], headers: Mapping[str, str], params: Mapping[str, str]) -> Account:
    """Who asks.

    Args:
        accounts: who may ask.
        headers: the request's headers, names in lower case.
        params: the request's query parameters.

    Raises:
        ClickHouseError: 516, as ClickHouse says it; it does not tell whether the user or the password was wrong.
    """
    user, password = _credentials(headers, params)
    for account in accounts:
        known = hmac.compare_digest(_bytes(user), account.user.encode())
        right = hmac.compare_digest(_bytes(password), account.password.encode())
        if known and right:
            return account
    raise ClickHouseError(
        "AUTHENTICATION_FAILED",
        f"{user}: Authentication failed: password is incorrect, or there is no user with such name.",
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _credentials(headers: Mapping[str, str], params: Mapping[str, str]) -> tuple[str, str]:
    """User and password from the one way that the caller chose: own headers, HTTP basic, or query parameters."""
    given = []
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        given.append((headers.get("x-clickhouse-user") or "default", headers.get("x-clickhouse-key", "")))
    if "authorization" in headers:
        given.append(_basic(headers["authorization"]))
    if "user" in params or "password" in params:
        given.append((params.get("user") or "default", params.get("password", "")))
    if len(given) > 1:
        raise ClickHouseError(
            "AUTHENTICATION_FAILED",
            "Invalid authentication: it is not allowed to use more than one of the X-ClickHouse headers, "
            "the Authorization header and the parameters user and password",
        )
    return given[0] if given else ("default", "")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise ClickHouseError(
            "AUTHENTICATION_FAILED", f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported"
        )
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        raise ClickHouseError("AUTHENTICATION_FAILED", "Invalid authentication: not base64 of user:password") from error
    return user or "default", password
