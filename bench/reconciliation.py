"""One reconciliation of everything that is in the log: seconds of each step, and the memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from tempfile import TemporaryFile

import psutil

from bench.figures import Part
from bench.throughput import Tell
from runtime.errors import Permanent

LOOK_SECONDS = 0.2


def measure(tell: Tell) -> Part:
    """Reconciles through now, in a process of its own.

    Raises:
        Permanent: it failed.
    """
    tell("reconciling")
    began = time.monotonic()
    with TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime", "reconcile", "--through", "now", "--json"],
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
        peak = _peak(process)
        output.seek(0)
        told = output.read()
    if process.returncode:
        raise Permanent("the reconciliation failed", received=f"exit code {process.returncode}")
    certificate = json.loads(told)
    part = Part("reconciliation", f"A reconciliation of {certificate['records']:,} records")
    for step, seconds in certificate["seconds"].items():
        part.add(step, "s", [seconds])
    part.add("in all, with the start of the command", "s", [time.monotonic() - began])
    part.add("most memory, Spark and the command", "GiB", [peak / 2**30])
    return part


def _peak(process: subprocess.Popen[bytes]) -> int:
    """Waits for the end; the most resident bytes that the process and its descendants had together meanwhile."""
    peak = 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(process.pid)
            peak = max(peak, sum(each.memory_info().rss for each in (top, *top.children(recursive=True))))
        time.sleep(LOOK_SECONDS)
    return peak
