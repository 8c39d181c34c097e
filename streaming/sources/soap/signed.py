"""Whether an answer is signed by the service: its very body, and recently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runtime.errors import Permanent
from streaming.sources.soap.security import WSSE, WSU, certificate
from streaming.sources.soap.values import instant

if TYPE_CHECKING:
    from streaming.sources.soap.wire import Security

DS = "http://www.w3.org/2000/09/xmldsig#"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
REFERENCES = ("EXCL_C14N", "SHA256", "SHA384", "SHA512")
SIGNATURES = ("EXCL_C14N", "RSA_SHA256", "RSA_SHA384", "RSA_SHA512", "ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512")
"""What a signature may be made of; everything else, HMAC with a public key for a secret say, is refused."""


def check_signature(envelope: Any, security: Security, now: datetime) -> None:
    """Returns if the service has signed the body, and the timestamp if there is one.

    Args:
        envelope: the answer, parts included.
        security: names the service's certificate.
        now: the present time.

    Raises:
        Permanent: it has not.
    """
    header = envelope.find(f"{{*}}Header/{{{WSSE}}}Security")
    signatures = [] if header is None else header.findall(f"{{{DS}}}Signature")
    if len(signatures) != 1:
        raise _unsigned(f"{len(signatures)} signatures")
    if any(XML_ID in each.attrib for each in envelope.iter()):
        raise _unsigned("an xml:id, which can stand for another element")
    signed = _referenced(envelope, signatures[0])
    _verify(signatures[0], signed, security)
    body, timestamp = envelope.find("{*}Body"), header.find(f"{{{WSU}}}Timestamp")
    if not any(each is body for each in signed):
        raise _unsigned("a signature of something else than the body")
    if timestamp is not None:
        if not any(each is timestamp for each in signed):
            raise _unsigned("a timestamp that is not signed")
        _check_fresh(timestamp, now, timedelta(seconds=security.skew_seconds))


def _referenced(envelope: Any, signature: Any) -> list[Any]:
    """The signed elements. An id that stands twice would let one element be verified and the other be read."""
    by_id: dict[str, list[Any]] = {}
    for element in envelope.iter():
        if (identity := element.get(f"{{{WSU}}}Id")) is not None:
            by_id.setdefault(identity, []).append(element)
    found = []
    for reference in signature.findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference"):
        meant = by_id.get(reference.get("URI", "").removeprefix("#"), [])
        if len(meant) != 1:
            raise _unsigned(f"{len(meant)} elements that {reference.get('URI')!r} refers to")
        found.append(meant[0])
    return found


def _verify(signature: Any, signed: list[Any], security: Security) -> None:
    import xmlsec

    sha1 = security.answers_sha1
    context = xmlsec.SignatureContext()
    for name in (*REFERENCES, *(("SHA1",) if sha1 else ())):
        context.enable_reference_transform(getattr(xmlsec.Transform, name))
    for name in (*SIGNATURES, *(("RSA_SHA1",) if sha1 else ())):
        context.enable_signature_transform(getattr(xmlsec.Transform, name))
    for element in signed:
        context.register_id(element, "Id", WSU)
    try:
        context.key = xmlsec.Key.from_memory(certificate(security.answers), xmlsec.KeyFormat.CERT_PEM, None)
        context.verify(signature)
    except xmlsec.Error as error:
        raise _unsigned(f"a signature that does not hold ({error})") from None


def _check_fresh(timestamp: Any, now: datetime, skew: timedelta) -> None:
    for name, soonest, latest in (("Created", None, now + skew), ("Expires", now - skew, None)):
        told = timestamp.findtext(f"{{{WSU}}}{name}")
        if told is None:
            continue
        at = instant(told, UTC)
        if at is None or (soonest and at < soonest) or (latest and at > latest):
            raise _unsigned(f"a timestamp of {told} ({name})")


def _unsigned(received: str) -> Permanent:
    return Permanent(
        "an answer is not signed as the definition wants it",
        received=received,
        valid="body and timestamp signed with the key of `security.answers`",
    )
