"""Submits jobs to the cluster: `python -m streaming.jobs.submit NAME[=CHECKPOINT] ...`, one process for all."""

from __future__ import annotations

import os
import sys
from typing import Any, Protocol

import structlog

from observe.logs import configure
from runtime.errors import Permanent
from runtime.settings import Settings, settings
from streaming.jobs import lake, live
from streaming.sinks.iceberg import ensure_bronze


class Planner(Protocol):
    """Gives the statements of a job."""

    def __call__(self, chosen: Settings, restore: str | None = None, *, bounded: bool = False) -> Any:
        """Ready to be executed."""


PLANNERS: dict[str, Planner] = {"lake": lake.plan, "live": live.plan}


def main(arguments: list[str]) -> None:
    """Submits each job; returns when the cluster has accepted all."""
    configure("submit")
    # PyFlink would let the cluster call back into this process, which ends as soon as the jobs are submitted.
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112 - PyFlink's own name
    if "lake" in {name for name, _ in map(_parsed, arguments)}:
        ensure_bronze(settings())
    for name, restore in map(_parsed, arguments):
        submitted = PLANNERS[name](settings(), restore).execute()
        structlog.get_logger().info(
            "job submitted", job=name, restored_from=restore, job_id=str(submitted.get_job_client().get_job_id())
        )


def _parsed(argument: str) -> tuple[str, str | None]:
    name, _, restore = argument.partition("=")
    if name not in PLANNERS:
        raise Permanent("no such job", received=name, valid=", ".join(PLANNERS))
    return name, restore or None


if __name__ == "__main__":
    main(sys.argv[1:])
