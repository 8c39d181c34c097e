"""WS-Security of requests: a timestamp, a username token, a signature, made anew for each request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import MethodType
from typing import TYPE_CHECKING, Any

from runtime.errors import Permanent

if TYPE_CHECKING:
    from streaming.sources.soap.wire import Security, Signature, UsernameToken

WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

METHODS = {
    "rsa-sha1": ("RSA_SHA1", "SHA1"),
    "rsa-sha256": ("RSA_SHA256", "SHA256"),
    "rsa-sha384": ("RSA_SHA384", "SHA384"),
    "rsa-sha512": ("RSA_SHA512", "SHA512"),
}
"""xmlsec's names of how a message is signed, and how its parts are digested."""


class Secured:
    """What zeep applies to each envelope, last of all.

    Raises:
        Permanent: a secret, a key or a certificate cannot be had.
    """

    def __init__(self, security: Security) -> None:
        self._seconds = security.timestamp_seconds
        self._username = security.username and _username(security.username)
        self._signature = security.signature and _signature(security.signature)

    def apply(self, envelope: Any, headers: Any) -> Any:
        """Adds the security header; the signature covers body and timestamp.

        Raises:
            Permanent: the key cannot sign.
        """
        from zeep.wsse.utils import get_security_header

        header = get_security_header(envelope)
        header.set(f"{{{envelope.nsmap[envelope.prefix]}}}mustUnderstand", "1")
        if self._seconds:
            header.append(_timestamp(datetime.now(UTC), self._seconds))
        if self._username:
            self._username.apply(envelope, headers)
        if self._signature:
            _sign(self._signature, envelope, headers)
        return envelope, headers


def _username(told: UsernameToken) -> Any:
    """zeep's token: nonce and time are new at each use."""
    from zeep.wsse.username import UsernameToken as Token

    return Token(told.user, told.password.value().get_secret_value(), use_digest=told.digest, zulu_timestamp=True)


def _signature(told: Signature) -> Any:
    import xmlsec
    from zeep.wsse.signature import BinarySignature, MemorySignature

    method, digest = (getattr(xmlsec.Transform, name) for name in METHODS[told.method])
    password = told.key_password.value().get_secret_value() if told.key_password else None
    key = told.key.value().get_secret_value().encode()
    made = MemorySignature(key, certificate(told.certificate), password, method, digest)
    if told.binary_token:
        # zeep has this form for keys in files only; what it does with the key that it holds is the same.
        made.apply = MethodType(BinarySignature.apply, made)
    return made


def _sign(signature: Any, envelope: Any, headers: Any) -> None:
    import xmlsec

    try:
        signature.apply(envelope, headers)
    except xmlsec.Error as error:
        raise Permanent(
            "the key and the certificate cannot sign",
            received=str(error),
            valid="an RSA key in PEM and its certificate",
        ) from error


def certificate(path: Any) -> bytes:
    """A certificate's file.

    Raises:
        Permanent: it cannot be read.
    """
    try:
        found: bytes = path.read_bytes()
    except OSError as error:
        raise Permanent(f"the certificate {path} cannot be read", received=str(error)) from error
    return found


def _timestamp(now: datetime, seconds: int) -> Any:
    from lxml.builder import ElementMaker

    make = ElementMaker(namespace=WSU, nsmap={"wsu": WSU})
    return make.Timestamp(make.Created(_written(now)), make.Expires(_written(now + timedelta(seconds=seconds))))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
