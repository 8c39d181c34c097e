"""The API's whole work for a hit, in FastAPI, each hit from Redis.

A key, its rate limit counted in Redis, strict parameters, the figures read in the same round trip and unpacked, the
evidence as of now with its link, ETag and conditional request, the headers, a request id, a metric and a log line.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import redis.asyncio
import structlog
from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from pydantic import BaseModel, ConfigDict, Field

from bench.serving_key import KEY
from observe import logs
from runtime.settings import settings
from serving.http.request_id import HEADER
from serving.http.security import HEADERS, NOTHING

LIMIT, WINDOW_SECONDS = 1_000_000_000, 60

logs.configure("fastapi", terminal_level="WARNING")
app = FastAPI()
store = redis.asyncio.Redis.from_url(settings().redis.get_secret_value())
known = hashlib.sha256(KEY.encode()).digest()
took = Histogram("seconds", "From request to answer.", ("method", "route", "status"), registry=CollectorRegistry())


class Parameters(BaseModel):
    """What may be asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str | None = Field(None, max_length=200)
    currency: str = Field("EUR", pattern="^[A-Z]{3}$")
    limit: int = Field(10, ge=1, le=1000)
    view: str = Field("merged", pattern="^(merged|live|reconciled)$")


@app.middleware("http")
async def around(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """What every request gets."""
    began, request_id = time.perf_counter(), request.headers.get(HEADER) or secrets.token_hex(8)
    structlog.contextvars.bind_contextvars(request_id=request_id)
    response = await call_next(request)
    spent = time.perf_counter() - began
    response.headers.update({**HEADERS, HEADER: request_id, "Content-Security-Policy": NOTHING})
    took.labels(request.method, "/v1/rankings/{name}", str(response.status_code)).observe(spent)
    structlog.get_logger("serving.access").info(
        "request answered",
        **{
            "http.request.method": request.method,
            "url.path": request.url.path,
            "url.query": request.url.query,
            "http.response.status_code": response.status_code,
            "event.duration": int(spent * 1e9),
            "client.address": request.client.host if request.client else None,
        },
    )
    return response


@app.get("/v1/rankings/{name}")
async def get_ranking(
    name: str,
    asked: Annotated[Parameters, Query()],
    authorization: str = Header(""),
    if_none_match: str = Header(""),
) -> Response:
    """The answer."""
    if not hmac.compare_digest(hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest(), known):
        raise HTTPException(401)
    found = await _read(name)
    lines = found["data"][: asked.limit]
    evidence = _evidence(found["evidence"], asked, lines)
    said = hashlib.blake2b(orjson.dumps([lines, evidence["quarantine"]]), digest_size=8).hexdigest()
    headers = {
        "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie", "ETag": f'W/"{said}"',
        "Link": f'<{evidence["link"]}>; rel="describedby"', "Tidelake-Partial": str(evidence["partial"]).lower(),
        "RateLimit-Policy": f'"key";q={LIMIT};w={WINDOW_SECONDS}',
    }  # fmt: skip
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    body = {**found, **asked.model_dump(), "data": lines, "evidence": evidence}
    return Response(orjson.dumps(body), headers=headers, media_type="application/json")


async def _read(name: str) -> dict[str, Any]:
    """Counts the request and reads the figures in one round trip."""
    async with store.pipeline(transaction=False) as pipeline:
        pipeline.incr("counted:measure").expire("counted:measure", WINDOW_SECONDS, nx=True)
        counted, _, value = await pipeline.get(f"measured:{name}").execute()
    if counted > LIMIT:
        raise HTTPException(429)
    found: dict[str, Any] = orjson.loads(zlib.decompress(value))
    return found


def _evidence(kept: dict[str, Any], asked: Parameters, lines: list[Any]) -> dict[str, Any]:
    now = datetime.now(UTC)
    seen = [{**each, "lag_seconds": (now - datetime.fromisoformat(each["seen_through"])).total_seconds()}
            for each in kept["freshness"]]  # fmt: skip
    digest = hashlib.blake2b(orjson.dumps(lines), digest_size=16).hexdigest()
    proof = orjson.dumps({"question": asked.model_dump(), "until": now.isoformat(), "digest": digest})
    link = f"/v1/evidence/{urlsafe_b64encode(zlib.compress(proof, 9)).decode()}"
    return {**kept, "freshness": seen, "answered_at": now.isoformat(), "cached": True, "link": link}
