"""XML from outside, read with nothing in it that reaches out or blows up."""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from runtime.errors import Permanent, Retryable

CHUNK = 4096

ENCODINGS = re.compile(r"(?i)utf-?8|utf-?16(le|be)?|us-ascii|iso-8859-\d{1,2}|windows-125\d")
"""What a document may be written in: markup stands for itself there, so that it can be counted."""

RESOURCE_LIMIT = 114
"""libxml2's code for a document that exceeds what it takes: deeper than 256 levels, say."""

TODO = "see `limits` in docs/sources/soap.md"


class _DoctypeError(Exception):
    pass


class _EncodingError(Exception):
    pass


class _RootReached(Exception):  # noqa: N818 - it ends the reading, and is no error
    pass


def parsed(content: bytes, what: str, markup: int) -> Any:
    """The root element of a document.

    Comments and processing instructions are left out. libxml2's own limits stay on: 256 levels, 10 MB a text.

    Args:
        content: the document.
        what: is read, for errors.
        markup: most tags and attributes.

    Raises:
        Permanent: it has a document type (where entities, external references and their bombs would stand), is in an
            encoding that hides its markup, or is larger or deeper than is allowed.
        Retryable: it is not XML, as when a proxy answers in place of the service.
    """
    from lxml import etree

    found = content.count(b"<") + content.count(b"=")
    if found > markup:
        raise _refused(what, f"{found} tags and attributes", f"at most {markup}")
    _check_prolog(content, what)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        if error.code == RESOURCE_LIMIT:
            raise _refused(what, str(error), "at most 256 levels") from None
        raise _no_xml(what, str(error)) from None


def _check_prolog(content: bytes, what: str) -> None:
    """Reads as far as the root element: a document type can only stand before it."""
    reader = expat.ParserCreate()
    reader.XmlDeclHandler = _on_declaration
    reader.StartDoctypeDeclHandler = _on_doctype
    reader.StartElementHandler = _on_root
    try:
        for begin in range(0, len(content), CHUNK):
            reader.Parse(content[begin : begin + CHUNK], False)
    except _RootReached:
        return
    except _DoctypeError:
        raise _refused(what, "a document type (DTD)", "XML without one") from None
    except _EncodingError as error:
        raise _refused(what, f"the encoding {error}", "UTF-8, UTF-16, ISO 8859 or Windows 125x") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _no_xml(what, str(error)) from None
    raise _no_xml(what, "no element" if content.strip() else "nothing")


def _on_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and not ENCODINGS.fullmatch(encoding):
        raise _EncodingError(encoding)


def _on_doctype(*_: Any) -> None:
    raise _DoctypeError


def _on_root(*_: Any) -> None:
    raise _RootReached


def _refused(what: str, received: str, valid: str) -> Permanent:
    return Permanent(f"{what} is refused", received=received, valid=valid, todo=TODO)


def _no_xml(what: str, received: str) -> Retryable:
    return Retryable(f"{what} is not XML", received=received, valid="a well-formed XML document")


def local(tag: str) -> str:
    """An element's name without its namespace.

    >>> local("{urn:shop}Sale"), local("Sale")
    ('Sale', 'Sale')
    """
    return tag.rpartition("}")[2]
