"""GET /v1/rankings/<name>/stream: a ranking's changes as they happen, as server-sent events with resume."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import structlog
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from runtime.errors import TidelakeError
from serving.asked import Asked
from serving.compose import Api
from serving.evidence import Document
from serving.http.endpoint import endpoint
from serving.http.models import StreamedEvent
from serving.http.parameters import Question
from serving.http.paths import Named
from serving.http.questions import answered, asked, lines_digest, with_links
from serving.http.stopping import STOPPING
from serving.http.stream_changes import Lines, change
from serving.ports import Cache

MEDIA_TYPE = "text/event-stream"
RESUME_MS = 10 * 60 * 1000
"""How long a state is kept for those who come back."""

BEAT_SECONDS = 10.0
"""The longest silence: it keeps the connection open, and shows a reader that nothing has changed."""

BIGGEST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One event; without a name it is a comment."""

    name: str = ""
    event_id: str = ""
    data: object = None

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        if not self.name:
            return b": nothing has changed\n\n"
        return f"id: {self.event_id}\nevent: {self.name}\ndata: {orjson.dumps(self.data).decode()}\n\n".encode()


class States:
    """What was told under which id, for those who come back, to whatever process.

    Args:
        cache: where it is kept; without it whoever comes back gets everything anew.
        question: whose states they are.
    """

    def __init__(self, cache: Cache, question: Asked) -> None:
        self._cache, self._digest = cache, question.digest

    def keep(self, event_id: str, lines: Lines) -> None:
        """Keeps a state."""
        self._cache.put(self._key(event_id), zlib.compress(orjson.dumps(lines), 1), RESUME_MS, "")

    def find(self, event_id: str) -> Lines | None:
        """The state of that id, or None if it is not known any more."""
        value = self._cache.get(self._key(event_id)) if event_id.isascii() and len(event_id) < 100 else None
        if value is None:
            return None
        try:
            lines = orjson.loads(zlib.decompressobj().decompress(value, BIGGEST))
        except (zlib.error, orjson.JSONDecodeError):
            return None
        # Whatever else the cache may hold there: a state is what has this id.
        return lines if isinstance(lines, list) and event_id.endswith(lines_digest(lines)) else None

    def _key(self, event_id: str) -> str:
        return f"stream:{self._digest}:{event_id}"


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("stream", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>/stream", StreamedEvent, problems=(400, 404, 410, 412), form=MEDIA_TYPE)
    def ranking_stream(path: Named, query: Question) -> Response:
        """A ranking's changes as they happen: server-sent events.

        First a `snapshot` with the answer, then a `change` whenever its lines change. Who comes back with the header
        `Last-Event-ID` gets one `change` from there on, or a new `snapshot` if that is too long ago.
        """
        question = asked(api, path.name, query)
        first = with_links(api, answered(api, question, query), query)
        finish = api.streams.claim_place()
        events = _events(api, question, query, first, request.headers.get("Last-Event-ID"))
        response = Response(_encoded(events), content_type=MEDIA_TYPE)
        response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        response.call_on_close(finish)
        return response

    return made


def _encoded(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        yield event.encoded()


def _events(api: Api, question: Asked, query: Question, first: Document, last_id: str | None) -> Iterator[Event]:
    states = States(api.stores.cache, question)
    known = states.find(last_id) if last_id else None
    told_at, event_id, body = time.monotonic(), last_id or "", first
    ends = told_at + api.settings.stream_seconds
    while True:
        lines = body["data"]
        assert isinstance(lines, list)
        if known is None or known != lines:
            event_id = f"{_version(body)}.{lines_digest(lines)}"
            states.keep(event_id, lines)
            yield Event("snapshot", event_id, body) if known is None else Event("change", event_id, change(known, body))
            known, told_at = lines, time.monotonic()
        elif time.monotonic() - told_at > BEAT_SECONDS:
            yield Event()
            told_at = time.monotonic()
        if time.monotonic() > ends:
            return
        if STOPPING.wait(api.settings.cache_tick_ms / 1000):
            return
        body = _next(api, question, query, body)


def _next(api: Api, question: Asked, query: Question, body: Document) -> Document:
    """The answer of the moment, or what it was if there is none: the stream goes on when the stores are back."""
    try:
        return with_links(api, api.answers.answer(question), query)
    except TidelakeError as error:
        structlog.get_logger().warning("a stream could not go on for a moment", reason=error.wrong)
        return body


def _version(body: Document) -> int:
    evidence = body["evidence"]
    assert isinstance(evidence, dict)
    publication = evidence["publication"]
    return int(publication["version"]) if publication else 0
