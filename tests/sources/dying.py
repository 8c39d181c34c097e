"""Readings in processes of their own, which end themselves where a test wants that.

They are forked from one process that has loaded everything already, so that each costs milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import closing
from functools import cache
from multiprocessing.context import ForkServerContext

from runtime.settings import settings
from streaming.sources.crash import VARIABLE
from streaming.sources.definition import Source
from streaming.sources.runner import Runner, reader_of

LOADED = [
    "tests.sources.dying",
    *("clickhouse_connect.driver", "duckdb", "lxml.etree", "pandas", "psycopg2", "pytest", "zeep"),
    *(f"streaming.sources.{kind}.reader" for kind in ("files", "postgres", "rest", "soap")),
]
SECONDS = 120.0


@cache
def _forking() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(LOADED)
    return made


def in_a_process(kill_at: str | None, what: Callable[..., None], *told: object) -> int:
    """Calls a function in a process of its own, with this process's environment; the process's exit code.

    Args:
        kill_at: where it ends itself by SIGKILL, as `crash.VARIABLE` tells it.
        what: is found by its module and name.
        told: its arguments.
    """
    environment = {**os.environ, **({VARIABLE: kill_at} if kill_at else {})}
    process = _forking().Process(target=_call, args=(environment, what, told))
    process.start()
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"{what.__qualname__} did not end within {SECONDS:.0f} s")
    return process.exitcode


def _call(environment: dict[str, str], what: Callable[..., None], told: tuple[object, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    what(*told)


def one_reading(source: Source) -> None:
    """One reading of a source, to its present end."""
    chosen = settings()
    with closing(Runner(chosen, source, reader_of(source, chosen), lambda _: None)) as runner:
        runner.read()


def reading(source: Source, kill_at: str | None = None) -> int:
    """One reading of a source in a process of its own; the process's exit code."""
    return in_a_process(kill_at, one_reading, source)
