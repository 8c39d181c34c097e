"""A real HTTP service for tests: sales in pages of every kind, failures on demand, and a token endpoint."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Answer:
    """What the service says.

    Attributes:
        body: bytes, or a text.
        status: of HTTP.
        headers: besides Content-Type and Content-Length.
        kind: the Content-Type; empty for none.
        cut: after so many bytes the connection is closed, whatever the Content-Length says.
        every: seconds between two pieces of one byte.
        chunked: it is sent in chunks, and no Content-Length is told.
        before: seconds before the first byte.
    """

    body: bytes | str = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut: int | None = None
    every: float = 0.0
    chunked: bool = False
    before: float = 0.0

    @property
    def payload(self) -> bytes:
        """The body as bytes."""
        return self.body.encode() if isinstance(self.body, str) else self.body


@dataclass
class Asked:
    """One request that came.

    Attributes:
        path: without the query.
        query: its parameters, the last of each name.
        headers: its headers.
        form: what was posted.
        at: when, on the monotonic clock.
        client: the name in the certificate that the caller showed.
    """

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]
    at: float
    client: str = ""


def sale(number: int, amount: str = "12.30", city: str = "Köln", after: float | None = None) -> str:
    """A sale as JSON text; the amount is a JSON number, written as given.

    Args:
        number: which sale.
        amount: the number's text.
        city: where.
        after: seconds after EPOCH at which it changed; the number unless told.
    """
    changed = (EPOCH + timedelta(seconds=number if after is None else after)).isoformat().replace("+00:00", "Z")
    fields = {"sale_id": f"s{number}", "changed_at": changed, "occurred_at": "2026-01-31T12:00:00Z"}
    fields |= {"country": "Germany", "city": city, "salesman_id": "m1", "currency": "EUR"}
    return f'{json.dumps(fields, ensure_ascii=False)[:-1]}, "amount": {amount}}}'


class Shop:
    """The sales, and every way of asking for them. A test changes `sales` as it likes."""

    def __init__(self, count: int = 0) -> None:
        self.sales: list[str] = [sale(number) for number in range(1, count + 1)]
        self.size = 4

    def wanted(self, query: dict[str, str]) -> list[str]:
        """The sales that have changed since then."""
        since = query.get("since", "")
        return [each for each in self.sales if json.loads(each)["changed_at"] >= since]

    def cursor(self, asked: Asked) -> Answer:
        """`{"data": {"items": [...]}, "meta": {"next": CURSOR}}`; the cursor is the place of the next sale."""
        found, begin = self.wanted(asked.query), int(asked.query.get("cursor", "0"))
        end = begin + self.size
        following = json.dumps(str(end)) if end < len(found) else "null"
        items = ", ".join(found[begin:end])
        return Answer(f'{{"meta": {{"next": {following}}}, "data": {{"items": [{items}]}}, "count": {len(found)}}}')

    def feed(self, asked: Asked) -> Answer:
        """As `cursor`, but the cursor always leads on: `{"items": [...], "next": PLACE, "more": BOOLEAN}`."""
        begin = int(asked.query.get("cursor", "0"))
        items = self.sales[begin : begin + self.size]
        end = begin + len(items)
        more = json.dumps(end < len(self.sales))
        return Answer(f'{{"items": [{", ".join(items)}], "next": {end}, "more": {more}}}')

    def pages(self, asked: Asked) -> Answer:
        """A bare array; `page` counts from 1, `per_page` is at most the service's own size."""
        size = min(self.size, int(asked.query.get("per_page", self.size)))
        begin = (int(asked.query.get("page", "1")) - 1) * size
        return Answer(f"[{', '.join(self.wanted(asked.query)[begin : begin + size])}]")

    def offset(self, asked: Asked) -> Answer:
        """`{"rows": [...]}` from `offset` on."""
        begin = int(asked.query.get("offset", "0"))
        return Answer(f'{{"rows": [{", ".join(self.wanted(asked.query)[begin : begin + self.size])}]}}')

    def link(self, asked: Asked) -> Answer:
        """A bare array with a `Link` header among others."""
        answer, page = self.pages(asked), int(asked.query.get("page", "1"))
        if page * self.size < len(self.sales):
            following = urlencode({**asked.query, "page": page + 1})
            answer.headers["Link"] = f'</link?page=1>; rel="first", <link?{following}>; rel="last next"; title="on"'
        return answer

    def next_url(self, asked: Asked) -> Answer:
        """`{"rows": [...], "links": {"next": ADDRESS}}`."""
        page = int(asked.query.get("page", "1"))
        following = urlencode({**asked.query, "page": page + 1})
        told = json.dumps(f"?{following}" if page * self.size < len(self.sales) else None)
        return Answer(f'{{"links": {{"next": {told}}}, "rows": {self.pages(asked).body!s}}}')


Handler = Callable[[Asked], Answer]


class HttpService:
    """The service while it runs.

    Attributes:
        shop: its sales.
        asked: every request that came.
        said: every answer that was given.
        handlers: what answers, by path.
    """

    def __init__(self, shop: Shop | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.shop = shop or Shop(10)
        self.scheme = "https" if tls else "http"
        self.asked: list[Asked] = []
        self.said: list[Answer] = []
        self.handlers: dict[str, Handler] = {
            f"/{each}": getattr(self.shop, each) for each in ("cursor", "feed", "pages", "offset", "link", "next_url")
        }
        self._planned: dict[str, deque[Answer]] = defaultdict(deque)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"{self.scheme}://{self.host}"

    def plan(self, path: str, *answers: Answer) -> None:
        """The next requests to that path are answered with these, one each."""
        self._planned[path].extend(answers)

    def count(self, path: str) -> int:
        """How many requests to that path came."""
        return sum(each.path == path for each in self.asked)

    @contextmanager
    def running(self) -> Iterator[HttpService]:
        """Serves meanwhile."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, asked: Asked) -> Answer:
        """What is said to one request."""
        self.asked.append(asked)
        handler = self.handlers.get(asked.path, _nothing)
        planned = self._planned[asked.path]
        self.said.append(planned.popleft() if planned else handler(asked))
        return self.said[-1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length", "0"))
                form = dict(parse_qsl(self.rfile.read(length).decode()))
                query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(parts.path, query, headers, form, time.monotonic(), _client(self.connection))
                self._say(service.answer(asked))

            do_POST = do_GET  # noqa: N815 - the server finds it by this name

            def _say(self, answer: Answer) -> None:
                time.sleep(answer.before)
                self.send_response_only(answer.status)
                told = {"Date": self.date_time_string()}
                told |= {"Content-Type": answer.kind} if answer.kind else {}
                if answer.chunked:
                    told["Transfer-Encoding"] = "chunked"
                elif answer.status not in (204, 304):
                    told["Content-Length"] = str(len(answer.payload))
                for name, value in {**told, **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                payload = answer.payload
                if answer.chunked:
                    payload = f"{len(payload):x}\r\n".encode() + payload + b"\r\n0\r\n\r\n"
                self._send(payload if answer.cut is None else payload[: answer.cut], answer.every)
                self.close_connection = answer.cut is not None

            def _send(self, payload: bytes, every: float) -> None:
                size = 1 if every else len(payload) or 1
                for at in range(0, len(payload), size):
                    self.wfile.write(payload[at : at + size])
                    self.wfile.flush()
                    time.sleep(every)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        return Handler


def _client(connection: Any) -> str:
    told: Any = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    return dict(each[0] for each in told["subject"])["commonName"] if told else ""


def _nothing(_: Asked) -> Answer:
    return Answer("nothing is here", status=404, kind="text/plain")


class Tokens:
    """An OAuth 2.0 token endpoint, and what it protects.

    Attributes:
        given: every token that was given.
        valid: those that are let in.
    """

    def __init__(self, client_id: str, secret: str, expires_in: int = 3600) -> None:
        self.client_id, self.secret, self.expires_in = client_id, secret, expires_in
        self.given: list[str] = []
        self.valid: set[str] = set()
        self.scopes: list[str | None] = []

    def endpoint(self, asked: Asked) -> Answer:
        """Gives a token to the client that proves itself in header or form."""
        packed = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        in_form = (asked.form.get("client_id"), asked.form.get("client_secret")) == (self.client_id, self.secret)
        if asked.headers.get("authorization") != f"Basic {packed}" and not in_form:
            return Answer('{"error": "invalid_client", "error_description": "who are you?"}', status=401)
        if asked.form.get("grant_type") != "client_credentials":
            return Answer('{"error": "unsupported_grant_type"}', status=400)
        token = f"token-{len(self.given)}-{self.secret}"
        self.given.append(token)
        self.valid.add(token)
        self.scopes.append(asked.form.get("scope"))
        told = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        return Answer(json.dumps(told))

    def protecting(self, handler: Handler) -> Handler:
        """The handler, for those with a valid token."""

        def protected(asked: Asked) -> Answer:
            kind, _, token = asked.headers.get("authorization", "").partition(" ")
            if kind != "Bearer" or token not in self.valid:
                return Answer('{"error": "invalid_token"}', status=401)
            return handler(asked)

        return protected
