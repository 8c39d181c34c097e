"""Responses compressed with zstd or gzip, as the caller accepts."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

SMALLEST = 1024
"""Bytes: compressing less is not worth the time."""

COMPRESSIBLE = (
    "application/json",
    "application/problem+json",
    "text/",
    "image/svg+xml",
    "application/vnd.apache.arrow",
)


def register(app: Flask) -> None:
    """Compresses what is worth it."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.is_streamed or response.status_code != 200 or "Content-Encoding" in response.headers:
        return response
    if not (response.mimetype or "").startswith(COMPRESSIBLE):
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    coding = _coding() if len(body) >= SMALLEST else None
    if coding is None or request.method == "HEAD":
        return response
    response.set_data(_zstd(body) if coding == "zstd" else gzip.compress(body, 5, mtime=0))
    response.headers["Content-Encoding"] = coding
    return response


def _coding() -> str | None:
    """The better of those that are accepted; zstd is the faster one."""
    header = request.headers.get("Accept-Encoding")
    if not header:
        return None
    accepted = request.accept_encodings
    return max(("zstd", "gzip"), key=lambda coding: accepted[coding]) if accepted["zstd"] or accepted["gzip"] else None


def _zstd(body: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(body)
