"""The records that lie in an attachment of an answer."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.errors import Permanent, Retryable
from streaming.sources.soap.multipart import decoded_base64, referred
from streaming.sources.soap.rows import Answered
from streaming.sources.soap.shape import ANYTHING
from streaming.sources.soap.xml import TODO, parsed
from streaming.sources.web.inflate import Inflater

if TYPE_CHECKING:
    from streaming.sources.soap.definition import Attachment
    from streaming.sources.soap.service import Answer
    from streaming.sources.soap.wire import Limits


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of an attachment: its fields, or why it has none."""

    fields: Mapping[str, Any] | None
    raw: bytes
    problem: str | None = None


def entries(answer: Answer, told: Attachment, limits: Limits) -> Iterator[Entry]:
    """The records, in order; none where the answer has no such element.

    Raises:
        Permanent: it is larger than allowed, or not of its format as a whole.
        Retryable: it is damaged, or the answer does not have it though it refers to it.
    """
    held = answer.body.text(told.field)
    if not held:
        return
    content = referred(held, answer.parts) if held.startswith("cid:") else decoded_base64(held)
    if told.gzip:
        content = _unzipped(content, limits.answer_bytes)
    match told.format:
        case "csv":
            yield from _csv(_decoded(content, told.encoding), told.delimiter)
        case "jsonl":
            yield from _json_lines(_decoded(content, told.encoding))
        case "xml":
            yield from _xml(content, told.rows, limits)


def _unzipped(content: bytes, limit: int) -> bytes:
    inflater, pieces, size = Inflater(), [], 0
    try:
        for piece in inflater.pieces(content):
            size += len(piece)
            if size > limit:
                raise Permanent("an attachment is larger than allowed", received=f"more than {limit} bytes", todo=TODO)
            pieces.append(piece)
        inflater.end()
    except zlib.error as error:
        raise Retryable("an attachment is not gzip", received=str(error)) from error
    return b"".join(pieces)


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Permanent(
            "an attachment cannot be decoded", received=str(error), todo="see `attachment.encoding`"
        ) from error


def _csv(text: str, delimiter: str) -> Iterator[Entry]:
    """The first line has the names."""
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(lines, [])
        for values in lines:
            if values:
                yield _line(names, values, delimiter)
    except csv.Error as error:
        raise Permanent("an attachment is not CSV", received=f"line {lines.line_num}: {error}") from error


def _line(names: list[str], values: list[str], delimiter: str) -> Entry:
    raw = delimiter.join(values).encode()
    if len(names) != len(values):
        return Entry(None, raw, f"received {len(values)} values, valid: {len(names)}, as in the first line")
    return Entry(dict(zip(names, values, strict=True)), raw)


def _json_lines(text: str) -> Iterator[Entry]:
    """Numbers stay as they are written."""
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            told = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            yield Entry(None, line.encode(), f"not JSON: {error}")
            continue
        if isinstance(told, dict):
            yield Entry(told, line.encode())
        else:
            yield Entry(None, line.encode(), "received a JSON value, valid: a JSON object")


def _xml(content: bytes, path: str, limits: Limits) -> Iterator[Entry]:
    from lxml import etree

    root = parsed(content, "an attachment", limits.markup)
    for item in Answered([root], ANYTHING, {}, None, limits).items(path):
        yield Entry(
            item.fields,
            etree.tostring(item.element, encoding="utf-8", xml_declaration=False, with_tail=False),
            item.problem,
        )
