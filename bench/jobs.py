"""Bounded jobs on the measured cluster: how long they took by Flink's own clock, and what they cost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psutil

from runtime.errors import Permanent, Retryable
from stack import control
from stack.flink import client_environment, rest

PATIENCE_SECONDS = 900.0
PAID = ("taskmanager", "gateway")
"""Whose work a job's work is; the Python workers are children of the TaskManager."""


@dataclass(frozen=True, slots=True)
class Took:
    """A finished job.

    Attributes:
        start_up: seconds from its submission until all its tasks ran.
        seconds: from then until its last task had finished.
        cpu: CPU seconds of each of `PAID` meanwhile.
    """

    start_up: float
    seconds: float
    cpu: Mapping[str, float]


class Jobs:
    """Submits bounded jobs, one after another."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.submit"],
            env={**os.environ, **client_environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def run(self, name: str) -> Took:
        """Runs the bounded job of that name (see `bench.submit`) to its end.

        Raises:
            Permanent: it failed.
            Retryable: it did not end in time.
        """
        before = cpu_seconds()
        job = self._submit(name)
        _wait(name, job)
        after = cpu_seconds()
        start_up, seconds = _times(job)
        return Took(start_up, seconds, {each: after[each] - before[each] for each in PAID})

    def _submit(self, name: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            word, _, job = line.partition(" ")
            if word == "job":
                return job.strip()
        raise Permanent(f"the job {name} was not submitted", received=f"exit code {self._process.wait()}")


def _wait(name: str, job: str) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (state := rest(f"/jobs/{job}")["state"]) != "FINISHED":
        if state in ("FAILED", "CANCELED"):
            cause = rest(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
            raise Permanent(f"the job {name} has ended", received=f"{state} {str(cause)[:2000]}")
        if time.monotonic() > give_up:
            raise Retryable(f"the job {name} did not end", received=state)
        time.sleep(0.2)


def _times(job: str) -> tuple[float, float]:
    """Seconds until all tasks ran, and from then to the end."""
    details = rest(f"/jobs/{job}")
    tasks = [task for vertex in details["vertices"] for task in _tasks(job, vertex["id"])]
    running = max(task["RUNNING"] for task in tasks)
    finished = max(task["FINISHED"] for task in tasks)
    return (running - details["start-time"]) / 1000, (finished - running) / 1000


def _tasks(job: str, vertex: str) -> list[dict[str, Any]]:
    """When each subtask entered each state, epoch milliseconds."""
    return [each["timestamps"] for each in rest(f"/jobs/{job}/vertices/{vertex}/subtasktimes")["subtasks"]]


def cpu_seconds() -> dict[str, float]:
    """What each of `PAID` has used since its start, all its descendants included: those that have ended too."""
    return {name: _with_descendants(psutil.Process(control.pid_of(name))) for name in PAID}


def _with_descendants(process: psutil.Process) -> float:
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(each.cpu_times()[:4])
    return total
