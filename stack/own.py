"""Tidelake's own processes: the ClickHouse gateway, the gauge, the keepers of sources and jobs, settler and API."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import structlog

from rankings.topics import SHOP_SALES
from runtime.errors import Retryable
from runtime.settings import settings
from stack.addresses import ports
from stack.flink import check_jobs, client_environment
from stack.http import call, check
from stack.kafka import check_fresh
from stack.model import HeldBack, Service, Step
from stack.night import check as check_night
from stack.ports import HOST
from streaming.alive import held_back, sign_of_life

MARKS_SECONDS = 10.0
"""A gauge that works has written marks within this time."""

LOOKED_SECONDS = 30.0
"""A keeper of sources, and a settler, that works has looked within this time."""

JOBS = ("tidelake-lake", "tidelake-live")


def gateway() -> Service:
    """The ClickHouse engine behind ClickHouse's HTTP interface."""
    port = ports()["clickhouse"]
    address = f"http://{HOST}:{port}"
    return Service(
        name="gateway",
        command=(sys.executable, "-m", "stack.clickhouse", "--port", str(port)),
        ready=lambda: _answers(f"{address}/ping"),
        version=f"chDB {version('chdb')}",
        address=address,
    )


def gauge() -> Service:
    """Writes the marks, and measures how far each source has been read."""
    return Service(
        name="gauge",
        command=(sys.executable, "-m", "streaming.gauge"),
        ready=lambda: check_fresh(SHOP_SALES, MARKS_SECONDS),
        version=version("tidelake"),
        address="",
        needs=("topics", "clickhouse-tables"),
    )


def sources() -> Service:
    """Keeps a process for each source that needs one."""
    return Service(
        name="sources",
        command=(sys.executable, "-m", "streaming.sources.keeper"),
        prepare=lambda: sign_of_life(settings(), "sources").unlink(missing_ok=True),
        ready=_looks("sources"),
        version=version("tidelake"),
        address="",
        needs=("topics", "platform-tables", "clickhouse-tables"),
    )


def settler() -> Service:
    """Closes the records in quarantine that a later good record has superseded."""
    return Service(
        name="settler",
        command=(sys.executable, "-m", "streaming.quarantine.settle"),
        prepare=lambda: sign_of_life(settings(), "settler").unlink(missing_ok=True),
        ready=_looks("settler"),
        version=version("tidelake"),
        address="",
        needs=("topics", "clickhouse-tables"),
    )


def _looks(name: str) -> Callable[[], None]:
    """A check that raises Retryable unless a process that looks after things has looked a moment ago."""

    def check() -> None:
        path = sign_of_life(settings(), name)
        age = time.time() - path.stat().st_mtime if path.exists() else None
        if age is None or age > LOOKED_SECONDS:
            raise Retryable(f"{name} has not looked", received=age, valid=f"a look within {LOOKED_SECONDS:g} s")

    return check


def keeper() -> Service:
    """Submits the two Flink jobs and keeps them running.

    Where live may not begin until an operator has done something, the stack is up without it, and says so.
    """
    held = held_back(settings())
    return Service(
        name="jobs",
        command=(sys.executable, "-m", "streaming.keeper"),
        env=client_environment(),
        prepare=lambda: held.unlink(missing_ok=True),
        ready=lambda: _check_jobs(held),
        version=version("tidelake"),
        address=f"{settings().flink}/#/job/running",
        needs=("jobmanager", "taskmanager", "topics", "clickhouse-tables", "databases"),
        ready_seconds=240,
    )


def _check_jobs(held: Path) -> None:
    """Raises HeldBack while live may not begin, and Retryable unless the jobs that may run do."""
    told = held.read_text() if held.exists() else None
    check_jobs(JOBS[:1] if told else JOBS)
    if told:
        raise HeldBack(told)


def api() -> Service:
    """The answers, for users."""
    address = settings().api
    options = ("--config", "python:serving.http.gunicorn_conf")
    return Service(
        name="api",
        command=(sys.executable, "-m", "gunicorn", *options, "serving.http.wsgi:app"),
        ready=lambda: _answers(f"{address}/readyz"),
        tend=lambda: _answers(f"{address}/healthz"),
        version=version("tidelake"),
        address=address,
        needs=("redis", "databases", "api-key", "clickhouse-tables"),
    )


def night() -> Service:
    """Does the night's work at its hour."""
    return Service(
        name="night",
        command=(sys.executable, "-m", "stack.night"),
        ready=check_night,
        tend=check_night,
        version=version("tidelake"),
        address="",
        needs=("topics", "platform-tables", "clickhouse-tables"),
    )


def lineage_step() -> Step:
    """The lineage of all rankings, written to DataHub."""
    return Step("lineage", _write_lineage, needs=("jobs",))


def _write_lineage() -> None:
    """In a process of its own: DataHub's package is large. A catalogue that is away keeps no sale from its answer."""
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "lineage", "--emit"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        structlog.get_logger().warning("lineage was not written", error=done.stderr.strip()[-500:])


def _answers(url: str) -> None:
    """Raises Retryable unless a GET is answered with success."""
    check(call("GET", url))
