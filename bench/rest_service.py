"""A REST service of its own process: `python -m bench.rest_service ROWS` tells its port, and gives pages by cursor."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 1000

CITIES = ("Köln", "Berlin", "Hamburg", "Wien", "Graz", "Paris", "Lyon")


def record(number: int) -> str:
    """One sale; the amount is a JSON number."""
    minute, second = divmod(number, 60)
    at = f"2026-03-{1 + minute // 1440 % 28:02}T{minute // 60 % 24:02}:{minute % 60:02}:{second:02}Z"
    return (
        f'{{"sale_id": "b{number}", "occurred_at": "{at}", "country": "Country {number % 7}", '
        f'"city": "{CITIES[number % 7]}", "salesman_id": "m{number % 500}", "salesman": "S {number % 500}", '
        f'"amount": {number % 900 + 1}.{number % 100:02}, "currency": "EUR", "version": {number}}}'
    )


def page(rows: int, begin: int) -> bytes:
    """The page that begins with that row."""
    end = min(begin + PAGE, rows)
    following = f'"{end}"' if end < rows else "null"
    return f'{{"items": [{", ".join(map(record, range(begin, end)))}], "next": {following}}}'.encode()


def serve(rows: int) -> None:
    """Serves until it is terminated."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            begin = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
            body = page(rows, begin)
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
