"""Responses in JSON."""

from __future__ import annotations

import orjson
from flask import Response

JSON = "application/json"


def json_response(body: object, max_age_seconds: int = 0) -> Response:
    """A response that only the caller itself may keep, and only that long.

    Args:
        body: anything that orjson writes.
        max_age_seconds: 0 forbids to keep it at all.
    """
    kept = f"private, max-age={max_age_seconds}" if max_age_seconds else "private, no-store"
    return Response(orjson.dumps(body), headers={"Cache-Control": kept}, content_type=JSON)
