"""How a service knows the caller: put on a request at the last moment, and only on one to the definition's own host."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from runtime.errors import Permanent, Retryable
from streaming.sources.rest.parts import ApiKey, Auth, Basic, Bearer, OAuth2
from streaming.sources.rest.secrets import Secrets
from streaming.sources.web.later import later, retry_after

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

LEEWAY_SECONDS = 30.0
"""A token is renewed this long before it ends, or a tenth of its life if that is shorter."""


class Credentials(Protocol):
    """One way to be known."""

    async def put_on(self, request: httpx.Request) -> None:
        """Lets the request say who asks."""
        ...

    def renewable(self) -> bool:
        """Whether another attempt may be let in where the last was not; forgets what was refused."""
        ...

    async def aclose(self) -> None:
        """Lets go of what it holds."""
        ...


class Fixed:
    """A header or a parameter that stays the same; neither of them for a service that everybody may ask."""

    def __init__(self, header: tuple[str, str] | None = None, param: tuple[str, str] | None = None) -> None:
        self._header, self._param = header, param

    async def put_on(self, request: httpx.Request) -> None:
        """Adds it."""
        if self._header:
            request.headers[self._header[0]] = self._header[1]
        if self._param:
            request.url = request.url.copy_set_param(*self._param)

    def renewable(self) -> bool:
        """Never."""
        return False

    async def aclose(self) -> None:
        """Holds nothing."""


class Tokens:
    """Tokens of OAuth 2.0 client credentials, each used until shortly before its end."""

    def __init__(self, told: OAuth2, secrets: Secrets, transport: httpx.AsyncBaseTransport) -> None:
        self._told, self._secrets = told, secrets
        self._client = _client(told, secrets, transport)
        self._token: Any = None

    async def put_on(self, request: httpx.Request) -> None:
        """Adds a token that is still good."""
        if self._token is None or self._token.is_expired(min(LEEWAY_SECONDS, 0.1 * _life(self._token))):
            self._token = await self._fetched()
        request.headers["Authorization"] = f"Bearer {self._token['access_token']}"

    def renewable(self) -> bool:
        """A token may have been withdrawn: another one is worth an attempt."""
        self._token = None
        return True

    async def aclose(self) -> None:
        """Closes the connection to the token endpoint."""
        await self._client.aclose()

    async def _fetched(self) -> Any:
        more = {"audience": self._told.audience} if self._told.audience else {}
        token = await self._ask(more)
        if not isinstance(token.get("access_token"), str) or str(token.get("token_type", "")).lower() != "bearer":
            raise Permanent(
                "the token endpoint gives no bearer token", received=", ".join(sorted(token)), valid="access_token"
            )
        self._secrets.add(token["access_token"])
        return token

    async def _ask(self, more: dict[str, str]) -> Any:
        from authlib.integrations.base_client import OAuthError

        where = str(self._told.token_url)
        try:
            return await self._client.fetch_token(where, grant_type="client_credentials", **more)
        except OAuthError as error:
            raise Permanent(
                "the token endpoint refuses the client", received=f"{error.error}: {error.description}"
            ) from None
        except httpx.HTTPStatusError as error:
            raise _refusal(error.response) from None
        except (ValueError, TypeError) as error:
            raise Retryable("the token endpoint's answer is no token", received=str(error)) from None


def _life(token: dict[str, Any]) -> float:
    try:
        return float(token.get("expires_in") or 0)
    except (TypeError, ValueError):
        return 0.0


def _refusal(answer: httpx.Response) -> Exception:
    told = f"HTTP {answer.status_code}"
    if answer.status_code in (408, 429) or answer.status_code >= 500:
        wait = retry_after(answer.headers, datetime.now(UTC))
        return later("the token endpoint cannot answer now", wait, received=told)
    return Permanent("the token endpoint refuses the client", received=told, todo="check client_id and client_secret")


def _client(told: OAuth2, secrets: Secrets, transport: httpx.AsyncBaseTransport) -> AsyncOAuth2Client:
    with warnings.catch_warnings():
        # Its word about a successor of httpx is for developers; loading this module lets warnings through.
        from authlib.deprecate import AuthlibDeprecationWarning

        warnings.simplefilter("ignore", AuthlibDeprecationWarning)
        from authlib.integrations.httpx_client import AsyncOAuth2Client
    secret = told.client_secret.value().get_secret_value()
    secrets.add_basic(told.client_id, secret)
    how = "client_secret_basic" if told.client_auth == "header" else "client_secret_post"
    return AsyncOAuth2Client(
        told.client_id,
        secret,
        token_endpoint_auth_method=how,
        scope=told.scope,
        transport=transport,
        follow_redirects=False,
        trust_env=False,
        timeout=None,
    )


def credentials(told: Auth | None, secrets: Secrets, transport: httpx.AsyncBaseTransport) -> Credentials:
    """The credentials of a definition; their secrets are read here, and hidden from then on.

    Raises:
        Permanent: a secret cannot be had.
    """
    match told:
        case Basic():
            header = secrets.add_basic(told.user, told.password.value().get_secret_value())
            return Fixed(header=("Authorization", header))
        case Bearer():
            return Fixed(header=("Authorization", f"Bearer {_secret(told.token.value().get_secret_value(), secrets)}"))
        case ApiKey():
            key = _secret(told.key.value().get_secret_value(), secrets)
            return Fixed(header=(told.header, key)) if told.header else Fixed(param=(str(told.query), key))
        case OAuth2():
            return Tokens(told, secrets, transport)
        case None:
            return Fixed()


def _secret(value: str, secrets: Secrets) -> str:
    """The value, which is hidden from then on.

    Raises:
        Permanent: no header and no parameter can hold it.
    """
    if not value or not value.isascii() or not value.isprintable():
        raise Permanent("a secret is empty or holds characters that no header takes", valid="printable ASCII")
    secrets.add(value)
    return value
