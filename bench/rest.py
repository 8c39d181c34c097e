"""The connector for REST: rows a second and memory, over few and over many rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.figures import Aim, Part, ratios

MEMORY = Aim(at_most=1.1)
"""How much more memory ten times as many rows may take."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading took."""

    rows: int
    seconds: float
    peak_mib: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def measure(records: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Reads a service of that many rows, and one of a tenth of them, into the log; and parts of the way beside it."""
    part = Part("rest", f"REST: {records:,} rows in pages of 1,000, from the service into the log")
    ways = {"many": (records, "log"), "few": (records // 10, "log")}
    ways |= {"read": (records // 10, "read"), "plain": (records // 10, "plain")}
    found: dict[str, list[Reading]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (rows, way) in ways.items():
            found[name].append(_reading(rows, way, tell))
    rates = {name: [each.rate for each in readings] for name, readings in found.items()}
    peaks = {name: [each.peak_mib for each in readings] for name, readings in found.items()}
    part.add("rows into the log", "rows/s", rates["many"])
    part.add("with a tenth of the rows", "rows/s", rates["few"])
    part.add("peak memory", "MiB", peaks["many"])
    part.add("with a tenth of the rows", "MiB", peaks["few"])
    part.add("many rows' memory : few rows'", "", ratios(peaks["many"], peaks["few"]), MEMORY)
    part.add("read, without mapping and log", "rows/s", rates["read"])
    part.add("the same : a loop of httpx and json", "", ratios(rates["read"], rates["plain"]))
    return part


def _reading(rows: int, way: str, tell: Callable[[str], None]) -> Reading:
    tell(f"REST: {rows:,} rows, {way}")
    with _service(rows) as url:
        name = f"bench-rest-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "bench.rest_reading", url, name, way]
        environment = {**os.environ, "TIDELAKE_LOG_LEVEL": "WARNING"}
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found = Reading(**json.loads(ran.stdout.splitlines()[-1]))
    if found.rows != rows:
        raise RuntimeError(f"{found.rows} of {rows} rows were read")
    return found


@contextmanager
def _service(rows: int) -> Iterator[str]:
    """A service in a process of its own; its address."""
    command = [sys.executable, "-m", "bench.rest_service", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/sales"
        finally:
            process.terminate()
