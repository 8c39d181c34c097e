"""One turn of `wrk`, which Debian has, and what a server's processes take of the memory meanwhile."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

_LATENCY = re.compile(r"(50|99)%\s+([0-9.]+)(us|ms|s)\b")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn came to.

    Attributes:
        rate: requests a second.
        p50: latency in milliseconds.
        p99: latency in milliseconds.
    """

    rate: float
    p50: float
    p99: float


def wrk(address: str, key: str, seconds: float, connections: int, script: Path | None = None) -> Turn:
    """Asks as fast as answers come, each connection again as soon as it has its answer.

    Args:
        address: what is asked.
        key: of the API.
        seconds: for how long.
        connections: how many ask at one time.
        script: a Lua script that makes each request another one.

    Raises:
        RuntimeError: there were errors among the answers.
    """
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-H", f"Authorization: Bearer {key}"]
    scripted = ["-s", str(script)] if script else []
    said = subprocess.run([*command, *scripted, address], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if rate is None or "Non-2xx" in said:
        raise RuntimeError(said)
    latency = {match[1]: float(match[2]) * _MS[match[3]] for match in _LATENCY.finditer(said)}
    return Turn(float(rate[1]), latency["50"], latency["99"])


def memory_mib(pid: int) -> float:
    """What a process and those that it started have resident."""
    whole = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (whole, *whole.children(recursive=True))) / 2**20
