"""The connector for SOAP: rows a second and memory, over few and over many rows."""

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

ZEEP_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading took."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def thrift(self) -> float:
        """Rows a second of its own CPU time, whatever else the machine does."""
        return self.rows / self.cpu_seconds


def measure(records: int, rounds: int, tell: Callable[[str], None]) -> Part:
    """Reads a service of that many rows, and one of a tenth of them, into the log; and parts of the way beside it."""
    part = Part("soap", f"SOAP: {records:,} rows in pages of 1,000, from the service into the log")
    many = [_reading(records, "log", tell) for _ in range(rounds)]
    few = [_reading(records // 10, "log", tell) for _ in range(rounds)]
    ours = [_reading(ZEEP_ROWS, "read", tell) for _ in range(rounds)]
    zeeps = [_reading(ZEEP_ROWS, "zeep", tell) for _ in range(rounds)]
    part.add("rows into the log", "rows/s", [each.rate for each in many])
    part.add("with a tenth of the rows", "rows/s", [each.rate for each in few])
    part.add("rows into the log, by CPU time", "rows/s", [each.thrift for each in many])
    part.add("with a tenth of the rows", "rows/s", [each.thrift for each in few])
    part.add("peak memory", "MiB", [each.peak_mib for each in many])
    part.add("with a tenth of the rows", "MiB", [each.peak_mib for each in few])
    part.add("many rows' memory : few rows'", "", _memory(many, few), MEMORY)
    part.add("read without mapping and log, by CPU time", "rows/s", [each.thrift for each in ours])
    part.add(
        "the same : zeep's own values", "", ratios([each.thrift for each in ours], [each.thrift for each in zeeps])
    )
    return part


def _memory(many: list[Reading], few: list[Reading]) -> list[float]:
    return ratios([each.peak_mib for each in many], [each.peak_mib for each in few])


def _reading(rows: int, way: str, tell: Callable[[str], None]) -> Reading:
    tell(f"SOAP: {rows:,} rows, {way}")
    with _service(rows) as wsdl:
        name = f"bench-soap-{uuid.uuid4().hex[:8]}"
        command = [sys.executable, "-m", "bench.soap_reading", wsdl, name, way]
        environment = {**os.environ, "TIDELAKE_LOG_LEVEL": "WARNING"}
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found = Reading(**json.loads(ran.stdout.splitlines()[-1]))
    if found.rows != rows:
        raise RuntimeError(f"{found.rows} of {rows} rows were read")
    return found


@contextmanager
def _service(rows: int) -> Iterator[str]:
    """A service in a process of its own; the address of its WSDL."""
    command = [sys.executable, "-m", "bench.soap_service", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/?wsdl"
        finally:
            process.terminate()
