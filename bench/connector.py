"""What the measurements of the connectors share: readings in processes of their own, over many rows and over few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.figures import Aim, Part, ratios

MEMORY = Aim(at_most=1.1)
"""How much more memory ten times as many rows may take."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading took.

    Attributes:
        rows: that were read.
        seconds: by the clock.
        peak_mib: the most memory of the process.
        cpu_seconds: of the process, where it tells them.
        file_mib: the size of the file that was read, where there is one.
    """

    rows: int
    seconds: float
    peak_mib: float
    cpu_seconds: float = 0.0
    file_mib: float = 0.0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds

    @property
    def thrift(self) -> float:
        """Rows a second of its own CPU time, whatever else the machine does."""
        return self.rows / self.cpu_seconds


def reading(kind: str, where: str, rows: int, way: str) -> Reading:
    """Has `bench.<kind>_reading` read what is there, in a process of its own.

    Raises:
        RuntimeError: it has not read every row.
    """
    name = f"bench-{kind}-{uuid.uuid4().hex[:8]}"
    command = [sys.executable, "-m", f"bench.{kind}_reading", where, name, way]
    environment = {**os.environ, "TIDELAKE_LOG_LEVEL": "WARNING"}
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment)
    found = Reading(**json.loads(ran.stdout.splitlines()[-1]))
    if found.rows != rows:
        raise RuntimeError(f"{found.rows} of {rows} rows were read")
    return found


@contextmanager
def service(kind: str, rows: int) -> Iterator[str]:
    """`bench.<kind>_service` with that many rows, in a process of its own; its address."""
    command = [sys.executable, "-m", f"bench.{kind}_service", str(rows)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def memory(many: Sequence[Reading], few: Sequence[Reading]) -> list[float]:
    """How many times the memory of few rows many take, round by round."""
    return ratios([each.peak_mib for each in many], [each.peak_mib for each in few])


def add_way(part: Part, many: Sequence[Reading], few: Sequence[Reading]) -> None:
    """The figures of the whole way into the log, over many rows and over a tenth of them."""
    part.add("rows into the log", "rows/s", [each.rate for each in many])
    part.add("with a tenth of the rows", "rows/s", [each.rate for each in few])
    part.add("peak memory", "MiB", [each.peak_mib for each in many])
    part.add("with a tenth of the rows", "MiB", [each.peak_mib for each in few])
    part.add("many rows' memory : few rows'", "", memory(many, few), MEMORY)
