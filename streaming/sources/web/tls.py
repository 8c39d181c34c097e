"""Whom a source trusts over TLS, and how it shows itself."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
from pydantic import model_validator

from runtime.errors import Permanent, Retryable
from streaming.sources.definition import Secret
from streaming.sources.fields import Part

NOT_TAKEN = ("CERTIFICATE_REQUIRED", "UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "HANDSHAKE_FAILURE")
"""Alerts by which a server says that it does not take the certificate that it was shown, or that it wants one."""


class Tls(Part):
    """Certificates, each in a file in PEM.

    Attributes:
        ca: of the authorities that the servers' certificates are checked with; without it the usual public ones.
        certificate: that we show, with its key or beside `key`; to the definition's own hosts alone.
        key: of its private key.
        key_password: what the key is encrypted with, if it is.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret | None = None

    @model_validator(mode="after")
    def _key_of_a_certificate(self) -> Tls:
        if self.certificate is None and (self.key or self.key_password):
            raise ValueError("key: valid: beside `certificate`")
        return self

    def context(self, *, shown: bool) -> ssl.SSLContext:
        """What connections are made with.

        Args:
            shown: whether our own certificate is shown.

        Raises:
            Permanent: a file cannot be read, or holds something else.
        """
        try:
            made = httpx.create_ssl_context() if self.ca is None else ssl.create_default_context(cafile=self.ca)
            if shown and self.certificate:
                # A password always, as OpenSSL would ask for a missing one on the terminal.
                made.load_cert_chain(self.certificate, self.key, self._password)
        except (OSError, ssl.SSLError, ValueError) as error:
            files = ", ".join(str(each) for each in (self.ca, self.certificate, self.key) if each)
            raise Permanent(
                "the certificates cannot be read",
                received=f"{files}: {error}",
                valid="files in PEM, a key that belongs to its certificate, and its password",
            ) from None
        return made

    def _password(self) -> str:
        return self.key_password.value().get_secret_value() if self.key_password else ""


def untrusted(error: BaseException, where: str) -> Retryable | None:
    """The error of a connection that failed for a certificate; None where it failed for another reason.

    It heals by itself once the server's certificate is mended, so it is asked again.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Retryable(
            "the server's certificate is not trusted",
            received=f"{where}: {cause.verify_message}",
            valid="a certificate that one of the trusted authorities has signed for this host",
            todo="if it is right, name its authority's file as `ca`",
        )
    if isinstance(cause, ssl.SSLError) and any(word in str(cause.reason) for word in NOT_TAKEN):
        return Retryable(
            "the server does not take our certificate, or wants one",
            received=f"{where}: {cause.reason}",
            valid="a client certificate that the server's owner has given out",
            todo="name it as `certificate`, and its `key`",
        )
    return None
