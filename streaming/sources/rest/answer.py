"""From what a service answered to a page: its records as rows, and what it says about the next page."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

import httpx

from runtime.errors import Retryable
from streaming.sources.records import Row
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.json_text import JsonText, record
from streaming.sources.rest.parts import CursorPaging, NextUrlPaging, NumberedPaging
from streaming.sources.rest.paths import Steps, at, steps
from streaming.sources.text import at_path
from streaming.sources.web.caller import Answer as Fetched
from streaming.sources.web.hosts import shown


@dataclass(frozen=True, slots=True)
class Told:
    """One record.

    Attributes:
        row: for the log.
        identity: which record it is, if it says so.
    """

    row: Row
    identity: str | None


class Page:
    """One answer that holds records, or none at all.

    Args:
        source: the definition.
        fetched: the answer, with status 200 or one that means that nothing is there.
        number: which page of the reading it is, from 1.

    Raises:
        Retryable: it is of another type than the definition says, no JSON, or has no array of records.
    """

    def __init__(self, source: RestSource, fetched: Fetched, number: int) -> None:
        self.url, self.number, self.headers = fetched.url, number, fetched.headers
        self._where = f"{shown(fetched.url)} page {number}"
        self._encoding = "utf-8"
        self._identity = None if source.identity is None else steps(source.identity)
        self._key = source.fields.sale_id.field
        self._json = self._parsed(source, fetched)

    def _parsed(self, source: RestSource, fetched: Fetched) -> JsonText:
        if fetched.status != 200:
            return JsonText("[]", ())
        self._encoding = _encoding(fetched.headers, source.content_types)
        text = _decoded(fetched.body, self._encoding)
        try:
            return JsonText(text, steps(source.records), wanted(source))
        except Retryable as error:
            received = f"page {self.number}, {shown(self.url)}: {error.received}"
            raise Retryable(error.wrong, received=received, valid=error.valid, todo="check `records`") from None

    def __len__(self) -> int:
        return len(self._json)

    @property
    def content(self) -> bytes:
        """What its records say, whatever stands around them."""
        return self._json.span.encode(self._encoding, "surrogateescape")

    def value(self, way: Steps) -> Any:
        """A value that paging needs, or None; a number is its text."""
        return self._json.values.get(way)

    def records(self, first: int = 0) -> Iterator[Told]:
        """Its records from that one on."""
        for number, text in enumerate(self._json.records(first), first + 1):
            yield self._told(text, number)

    def _told(self, text: str, number: int) -> Told:
        where = f"{self._where} record {number}"
        raw = text.encode(self._encoding, "surrogateescape")
        try:
            value = record(text)
            text.encode()
        except UnicodeEncodeError as error:
            return Told(Row(where, None, raw, f"character {error.start} of the record is not UTF-8"), None)
        except ValueError as error:
            return Told(Row(where, None, raw, f"the record cannot be read: {error}"), None)
        if not isinstance(value, dict):
            return Told(Row(where, None, raw, f"the record is {_kind(value)}, valid: an object"), None)
        identity = self._identified(value)
        return Told(Row(where if identity is None else f"record {identity}", value, raw), identity)

    def _identified(self, value: dict[str, Any]) -> str | None:
        """What tells this record from others: what the definition says, or else what its sale's key is mapped from."""
        if self._identity is not None:
            return _text(at(value, self._identity))
        return _text(at_path(value, self._key)) if self._key is not None else None


def wanted(source: RestSource) -> Iterator[Steps]:
    """The ways to what paging needs."""
    paging = source.paging
    if isinstance(paging, CursorPaging | NextUrlPaging):
        yield steps(paging.next)
    if isinstance(paging, CursorPaging | NumberedPaging) and paging.more is not None:
        yield steps(paging.more)


def _encoding(headers: httpx.Headers, valid: tuple[str, ...]) -> str:
    """The encoding of an answer of a type that is valid."""
    told = Message()
    told["Content-Type"] = headers.get("Content-Type", "")
    kind = told.get_content_type() if headers.get("Content-Type") else ""
    if kind not in valid and not (kind.startswith("application/") and kind.endswith("+json")):
        received = headers.get("Content-Type") or "no Content-Type"
        todo = "if it is JSON all the same, name the type under `content_types`"
        raise Retryable("the answer is of another type", received=received, valid=", ".join(valid), todo=todo)
    charset = str(told.get_param("charset", "utf-8"))
    try:
        return codecs.lookup(charset).name
    except LookupError:
        raise Retryable("the answer's charset is not known", received=charset, valid="utf-8") from None


def _decoded(body: bytes, encoding: str) -> str:
    """In UTF-8 a wrong byte harms its record alone; elsewhere the whole answer is wrong."""
    if encoding == "utf-8":
        return body.removeprefix(codecs.BOM_UTF8).decode(encoding, "surrogateescape")
    try:
        return body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Retryable("the answer is not in its charset", received=str(error), valid=encoding) from None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _kind(value: Any) -> str:
    kinds = {bool: "a boolean", str: "a string", list: "an array", type(None): "null"}
    return kinds.get(type(value), "a number")
