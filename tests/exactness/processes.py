"""The processes of a stack, as the operating system knows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from stack import control

PYTHON_WORKER = "pyflink.fn_execution"


def strays(home: Path) -> list[str]:
    """Processes that nobody looks after: neither below the supervisor nor the tests; workers without a TaskManager."""
    supervisor, taskmanager = control.status(with_memory=False).pid, control.pid_of("taskmanager")
    return [
        f"{process.pid} {' '.join(process.cmdline())[:200]}"
        for process, ancestors in _processes(home)
        if not {supervisor, os.getpid()} & ancestors or (_is_worker(process) and taskmanager not in ancestors)
    ]


def workers(home: Path) -> int:
    """How many Python workers Flink has."""
    return sum(_is_worker(process) for process, _ in _processes(home))


def _processes(home: Path) -> Iterator[tuple[psutil.Process, set[int]]]:
    """Every living process that was started with that home, with the ids of its ancestors and its own."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("TIDELAKE_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                yield process, {process.pid, *(each.pid for each in process.parents())}
        except psutil.Error:
            continue


def _is_worker(process: psutil.Process) -> bool:
    return PYTHON_WORKER in " ".join(process.cmdline())
