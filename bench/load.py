"""The API's latencies under load while the shop changes sales: from the cache, from the stores, and without Redis.

The ways take turns, and the memory of the API's process is noted after each round of them: what it takes at the end is
held against what it took once it had warmed up.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bench import reconciliation
from bench.delay import LOADED, changing, shop
from bench.figures import Aim, Part
from bench.throughput import Tell
from bench.wrk import Turn, memory_mib, wrk
from rankings.catalogue import TOP_SALES_PER_CITY
from runtime.settings import Settings
from stack.ports import HOST, free_port

CONNECTIONS, TURN_SECONDS, WARM_ROUNDS = 8, 10, 1
APPLICATION = "serving.http.wsgi:app"
PATH = f"/v1/rankings/{TOP_SALES_PER_CITY.name}"

ANOTHER_EACH_TIME = """
local number = 0
request = function()
  number = number + 1
  local year, month, day = 1971 + number % 50, 1 + math.floor(number / 50) % 12, 1 + math.floor(number / 600) % 28
  local limit = 10 + math.floor(number / 16800)
  return wrk.format("GET", string.format("%s&limit=%d&from=%d-%02d-%02d", wrk.path, limit, year, month, day))
end
"""
"""Asks no question twice in a turn: nothing of it is in the cache."""


@dataclass(frozen=True, slots=True)
class Served:
    """An API: its address, and its process."""

    address: str
    pid: int


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask.

    Attributes:
        what: it shows.
        view: of the answer.
        redis: whether the API that is asked has a Redis.
        cached: whether the same question is asked again and again.
    """

    what: str
    view: str
    redis: bool
    cached: bool


WAYS = (
    Way("from the cache", "merged", redis=True, cached=True),
    Way("live and history merged", "merged", redis=True, cached=False),
    Way("history alone, not cached", "reconciled", redis=True, cached=False),
    Way("without Redis, the same question", "merged", redis=False, cached=True),
    Way("without Redis, merged", "merged", redis=False, cached=False),
)


def measure(chosen: Settings, rate: float, seconds: float, tell: Tell) -> Part:
    """Asks two API processes of its own, one of them without Redis; needs Debian's `wrk`."""
    part = Part("load", f"Latencies with {CONNECTIONS} connections at {rate:.0f} changes/s")
    if shutil.which("wrk") is None:
        part.remarks.append("wrk is not installed: nothing was measured")
        return part
    tell(f"loading {LOADED:,} sales into the shop, and reconciling them")
    shop("load", str(LOADED)).wait()
    reconciliation.measure(tell)
    rounds = max(WARM_ROUNDS + 1, round(seconds / TURN_SECONDS / len(WAYS)))
    whole = rounds * len(WAYS) * (TURN_SECONDS + 1.0)
    with changing(rate, whole), _api(redis=True) as one, _api(redis=False) as other:
        turns, memory = _rounds(chosen, one, other, rounds, tell)
    _report(part, turns, memory)
    return part


def _rounds(
    chosen: Settings, with_redis: Served, without: Served, rounds: int, tell: Tell
) -> tuple[dict[str, list[Turn]], list[float]]:
    turns: dict[str, list[Turn]] = {}
    memory: list[float] = []
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}")
        for way in WAYS:
            turns.setdefault(way.what, []).append(_turn(chosen, way, with_redis if way.redis else without))
        memory.append(memory_mib(with_redis.pid))
    return turns, memory


def _report(part: Part, turns: dict[str, list[Turn]], memory: list[float]) -> None:
    for what, found in turns.items():
        part.add(f"{what}: requests", "1/s", [each.rate for each in found])
        part.add(f"{what}: p50", "ms", [each.p50 for each in found])
        part.add(f"{what}: p99", "ms", [each.p99 for each in found])
    part.add("memory of the API", "MiB", memory)
    part.add("memory at the end / after the first round", "", [memory[-1] / memory[WARM_ROUNDS - 1]], Aim(at_most=1.1))


def _turn(chosen: Settings, way: Way, served: Served) -> Turn:
    key = chosen.api_key_file.read_text().strip()
    asked = f"{served.address}{PATH}?currency=EUR&view={way.view}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(ANOTHER_EACH_TIME)
        script.flush()
        return wrk(asked, key, TURN_SECONDS, CONNECTIONS, None if way.cached else Path(script.name))


@contextmanager
def _api(*, redis: bool) -> Iterator[Served]:
    """As the stack runs it, with a rate limit that nobody reaches."""
    address = f"http://{HOST}:{free_port(set())}"
    environment = {**os.environ, "TIDELAKE_API": address, "TIDELAKE_RATE_LIMIT": "1000000000/minute"}
    if not redis:
        environment["TIDELAKE_REDIS"] = f"redis://{HOST}:1/0"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:serving.http.gunicorn_conf", APPLICATION]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    try:
        _until_alive(address)
        yield Served(address, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.2), stop=stop_after_delay(40), reraise=True)
def _until_alive(address: str) -> None:
    httpx.get(f"{address}/healthz", trust_env=False).raise_for_status()
