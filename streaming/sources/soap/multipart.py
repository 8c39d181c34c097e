"""Answers of several parts: MTOM, whose binary values are parts of their own, and SOAP with attachments."""

from __future__ import annotations

import base64
import binascii
import quopri
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import unquote

from runtime.errors import Permanent, Retryable

MOST_PARTS = 1000
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"


@dataclass(frozen=True, slots=True)
class Packed:
    """The envelope of an answer, and its other parts by content id."""

    envelope: bytes
    parts: Mapping[str, bytes] = field(default_factory=dict)


def unpacked(content: bytes, content_type: str) -> Packed:
    """The parts of an answer; one that has no parts is its own envelope.

    Raises:
        Permanent: it has too many parts.
        Retryable: it is not multipart as it says.
    """
    kind = _message(f"Content-Type: {content_type}".encode("latin-1", "replace"))
    if kind.get_content_type() != "multipart/related":
        return Packed(content)
    boundary = kind.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise Retryable("a multipart answer has no boundary", received=content_type)
    parts = [_part(each) for each in _between(content, boundary)]
    if not parts:
        raise Retryable("a multipart answer has no parts", received=content_type)
    start = kind.get_param("start")
    by_id = {identity: body for identity, body in parts if identity}
    root = by_id.get(_bare(start)) if isinstance(start, str) else None
    return Packed(parts[0][1] if root is None else root, by_id)


def _between(content: bytes, boundary: str) -> Iterator[bytes]:
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    whole = b"\r\n" + content
    if whole.count(delimiter) > MOST_PARTS:
        raise Permanent("a multipart answer is refused", received="too many parts", valid=f"at most {MOST_PARTS}")
    pieces = whole.split(delimiter)[1:]
    for piece in pieces:
        if piece.startswith(b"--"):
            return
        yield piece.lstrip(b" \t").removeprefix(b"\r\n")
    raise Retryable("a multipart answer ends before its last boundary", received=f"{len(pieces)} parts")


def _part(piece: bytes) -> tuple[str, bytes]:
    """Content id and body."""
    head, found, body = (b"", b"\r\n\r\n", piece[2:]) if piece.startswith(b"\r\n") else piece.partition(b"\r\n\r\n")
    if not found:
        raise Retryable("a part of a multipart answer has no end of its headers")
    message = _message(head)
    return _bare(message.get("Content-ID", "")), _decoded(body, message.get("Content-Transfer-Encoding", "binary"))


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return decoded_base64(body)
        case "quoted-printable":
            return quopri.decodestring(body)
        case _:
            return body


def decoded_base64(text: bytes | str) -> bytes:
    """What base64 holds; white space in it is no error.

    Raises:
        Retryable: it is not base64.
    """
    joined = b"".join((text.encode() if isinstance(text, str) else text).split())
    try:
        return base64.b64decode(joined, validate=True)
    except binascii.Error as error:
        raise Retryable("an attachment is not base64", received=str(error)) from error


def _message(headers: bytes) -> Message:
    return BytesHeaderParser().parsebytes(headers + b"\r\n\r\n")


def _bare(identity: str) -> str:
    """A content id without its brackets."""
    return identity.strip().removeprefix("<").removesuffix(">")


def included(root: Any, parts: Mapping[str, bytes], limit: int) -> None:
    """Puts each part in base64 where the envelope includes it, as the infoset that a signature is made over has it.

    Args:
        root: the envelope, which is changed.
        parts: by content id.
        limit: most bytes of all inclusions together: one part may be included many times.

    Raises:
        Permanent: they exceed the limit.
        Retryable: there is no such part.
    """
    total = 0
    for include in list(root.iter(INCLUDE)):
        part = referred(include.get("href", ""), parts)
        total += len(part)
        if total > limit:
            raise Permanent("the parts that an answer includes are larger than allowed", received=f"{total} bytes")
        parent = include.getparent()
        parent.remove(include)
        parent.text = base64.b64encode(part).decode()


def referred(href: str, parts: Mapping[str, bytes]) -> bytes:
    """The part that a `cid:` reference means.

    Raises:
        Retryable: the answer has no such part.
    """
    identity = unquote(href.removeprefix("cid:"))
    if not href.startswith("cid:") or identity not in parts:
        raise Retryable("an answer refers to a part that it does not have", received=href, valid=", ".join(parts))
    return parts[identity]
