"""What a definition says of a SOAP service's protocols: security, addressing, faults, limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from streaming.sources.definition import Secret
from streaming.sources.fields import Part
from streaming.sources.web.tls import Tls

MIB = 1024 * 1024


class UsernameToken(Part):
    """WS-Security's username token.

    Attributes:
        user: the user's name.
        password: the user's password.
        digest: whether a digest of it with a nonce and the time is sent, in place of itself.
    """

    user: str
    password: Secret
    digest: bool = False


class Signature(Part):
    """WS-Security's signature of body and timestamp.

    Attributes:
        key: the private key, in PEM.
        key_password: what the key is encrypted with, if it is.
        certificate: the file of its certificate, in PEM.
        method: how it is signed and digested.
        binary_token: whether the certificate is sent as a BinarySecurityToken, in place of X509Data.
    """

    key: Secret
    key_password: Secret | None = None
    certificate: Path
    method: Literal["rsa-sha256", "rsa-sha384", "rsa-sha512", "rsa-sha1"] = "rsa-sha256"
    binary_token: bool = True


class Security(Part):
    """WS-Security.

    Attributes:
        username: the user that asks.
        signature: how requests are signed.
        timestamp_seconds: for how long a request is valid; nothing sends no timestamp.
        answers: the file of the certificate (PEM) that answers have to be signed with, their body and timestamp.
        answers_sha1: whether their signatures may use SHA-1.
        skew_seconds: how far the service's clock may be from ours.
    """

    username: UsernameToken | None = None
    signature: Signature | None = None
    timestamp_seconds: int | None = Field(None, ge=1)
    answers: Path | None = None
    answers_sha1: bool = False
    skew_seconds: int = Field(300, ge=0)

    @property
    def says_something(self) -> bool:
        """Whether a request carries a security header."""
        return any((self.username, self.signature, self.timestamp_seconds))


class Addressing(Part):
    """WS-Addressing 1.0.

    Attributes:
        action: in place of the WSDL's.
        to: in place of the service's address.
        required: whether an answer has to tell which request it belongs to.
    """

    action: str | None = None
    to: str | None = None
    required: bool = False


class Http(Tls):
    """How the service is reached; its certificates are told here, too.

    Attributes:
        user: of HTTP's basic authentication, for the definition's own hosts (of `wsdl` and `address`) alone.
        password: of that user.
    """

    user: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _together(self) -> Http:
        if (self.user is None) != (self.password is None):
            raise ValueError("valid: user and password together")
        return self


class Header(Part):
    """A SOAP header that the WSDL does not declare.

    Attributes:
        element: its name with its namespace: `{urn:shop}Tenant`.
        value: its text, or elements of the same namespace by name, nested as they are wanted.
        secret: its text, where that is secret.
        must_understand: whether a service that does not know it has to refuse the request.
    """

    element: str = Field(pattern=r"^(\{[^{}\s]+\})?[A-Za-z_][\w.-]*$")
    value: str | Mapping[str, Any] = ""
    secret: Secret | None = None
    must_understand: bool = False

    @model_validator(mode="after")
    def _one_text(self) -> Header:
        if self.secret is not None and self.value:
            raise ValueError("valid: one of value and secret")
        return self


class FaultRule(Part):
    """What a fault means.

    Attributes:
        code: the local name of its code or of one of its subcodes; `Server` fits `Server.Busy` too, `*` fits all.
        then: `retry` later, `stop` until a person has changed something, or take it for an `empty` answer.
    """

    code: str
    then: Literal["retry", "stop", "empty"]


class Limits(Part):
    """What an answer and a WSDL may not exceed.

    Attributes:
        answer_bytes: of an answer, decompressed, with its attachments.
        wsdl_bytes: of the WSDL, and of each document that it imports.
        wsdl_documents: how many documents these are.
        markup: tags and attributes of one document, which cost far more memory than text.
        depth: of elements within a record.
        rows: of one answer.
        seconds: for one answer, from the question to its last byte.
    """

    answer_bytes: int = Field(32 * MIB, ge=1)
    wsdl_bytes: int = Field(8 * MIB, ge=1)
    wsdl_documents: int = Field(100, ge=1)
    markup: int = Field(2_000_000, ge=1)
    depth: int = Field(32, ge=1)
    rows: int = Field(50_000, ge=1)
    seconds: float = Field(60.0, gt=0)
