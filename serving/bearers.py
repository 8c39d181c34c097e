"""Bearer tokens of an OpenID Connect issuer: signed by its keys, for this audience, not expired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from runtime.settings import Settings
from serving.flights import Flights
from serving.ports import StoreAway

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures by a key pair alone: whoever can read the issuer's keys must not be able to sign."""

KEYS_SECONDS = 600.0
AGAIN_SECONDS = 30.0
"""The issuer's keys are read anew after the first time span, or for an unknown key after the second."""

LEEWAY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a valid token is about.

    Attributes:
        who: how logs name the caller.
        scopes: what the token allows.
    """

    who: str
    scopes: tuple[str, ...]


class ReadKeys(Protocol):
    """Reads the issuer's key set (a JWKS document)."""

    def __call__(self) -> dict[str, Any]:
        """The document. Raises StoreAway if the issuer does not answer."""


class Bearers:
    """Checks tokens.

    Args:
        issuer: who has to have signed; empty for none, so that no token is valid.
        audience: whom they have to be for.
        scopes_claim: the claim that holds the scopes, as a string with blanks or as a list.
        read_keys: reads the issuer's keys.
        seconds: monotonic seconds.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        scopes_claim: str,
        read_keys: ReadKeys,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer, self._audience, self._claim = issuer, audience, scopes_claim
        self._read, self._seconds = read_keys, seconds
        self._keys: tuple[float, KeySet] | None = None
        self._reading = Flights[KeySet]()
        self._rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    @classmethod
    def of(cls, settings: Settings) -> Bearers:
        """As the settings say."""
        reader = IssuerKeys(settings.oidc_issuer, settings.oidc_jwks, settings.store_timeout_seconds)
        return cls(settings.oidc_issuer, settings.oidc_audience, settings.oidc_scopes, reader)

    @property
    def accepted(self) -> bool:
        """Whether there is an issuer at all."""
        return bool(self._issuer)

    def holder(self, token: str) -> Bearer | None:
        """Who a token is about, or None if it is not valid.

        Raises:
            StoreAway: the issuer's keys are not known and cannot be read.
        """
        if not self._issuer:
            return None
        try:
            claims = self._decoded(token)
            self._rules.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            structlog.get_logger().info("a bearer token was refused", reason=type(error).__name__)
            return None
        return Bearer(f"oidc:{str(claims['sub'])[:100]}", tuple(_scopes(claims.get(self._claim))))

    def _decoded(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._known(KEYS_SECONDS), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            # It may be signed by a key that is newer than those that are known.
            return jwt.decode(token, self._known(AGAIN_SECONDS), algorithms=ALGORITHMS).claims

    def _known(self, seconds: float) -> KeySet:
        known = self._keys
        if known is not None and self._seconds() - known[0] < seconds:
            return known[1]
        try:
            return self._reading.run("keys", self._read_anew)
        except StoreAway:
            # Keys outlive an issuer that is away for a while.
            if known is None:
                raise
            return known[1]

    def _read_anew(self) -> KeySet:
        keys = KeySet.import_key_set(self._read())  # type: ignore[arg-type]
        self._keys = (self._seconds(), keys)
        return keys


class IssuerKeys:
    """Reads an issuer's keys over HTTP.

    Args:
        issuer: its address.
        jwks: where its keys are; empty asks its discovery document.
        timeout_seconds: longest wait.
    """

    def __init__(self, issuer: str, jwks: str, timeout_seconds: float) -> None:
        self._issuer, self._jwks, self._timeout = issuer.rstrip("/"), jwks, timeout_seconds

    def __call__(self) -> dict[str, Any]:
        """The key set. Raises StoreAway."""
        try:
            address = self._jwks or str(self._get(f"{self._issuer}/.well-known/openid-configuration")["jwks_uri"])
            return self._get(address)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise StoreAway("the issuer of bearer tokens does not answer", received=str(error)) from error

    def _get(self, address: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(address, timeout=self._timeout).raise_for_status().json()
        return found


def _scopes(claim: object) -> Iterable[str]:
    if isinstance(claim, str):
        return claim.split()
    return [str(each) for each in claim] if isinstance(claim, list) else []
