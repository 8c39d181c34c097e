"""`python -m bench.history`: reconciliations by size: of everything, of a night's changes, and beside DuckDB.

PostgreSQL and ClickHouse are real; the log is written straight into the lake, so that its size costs no time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console

from bench import made_log
from bench.figures import Aim, Part
from bench.report import machine, show
from bench.servers import servers
from runtime.errors import Permanent

SERVERS = frozenset({"postgres", "gateway", "databases", "platform-tables", "clickhouse-tables"})
LOOK_SECONDS = 0.2


def main(
    *,
    sales: Annotated[list[int], typer.Option(min=1000, help="How many sales; may be given again.")] = [1_000_000],  # noqa: B006
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for every figure.")] = None,
) -> None:
    """Measure reconciliations of several sizes, one after the other."""
    console, done = Console(), []
    for size in sales:
        with servers(SERVERS):
            done.append(measure(size, console))
            show(console, done[-1])
    if json_file:
        json_file.write_text(json.dumps({"machine": machine(), "parts": [each.as_json() for each in done]}, indent=2))


def measure(sales: int, console: Console) -> Part:
    """All figures of one size: everything; a night's changes of recent sales; as many changes of any sales."""
    part = Part(f"history of {sales:,}", f"Reconciliations of {sales:,} sales")
    figures = {}
    for name, night in made_log.nights(sales).items():
        console.print(f"[dim]{sales:,} sales: {name}[/dim]")
        figures[name] = told = _run(night, sums=name == "all")
        part.add(f"{name}: the log written", "s", [told["written"]])
        part.add(f"{name}: wall", "s", [told["wall"]])
        part.add(f"{name}: CPU", "s", [told["cpu"]])
        part.add(f"{name}: most memory", "GiB", [told["peak"] / 2**30])
        for step, seconds in told["seconds"].items():
            part.add(f"{name}: {step}", "s", [seconds])
        part.remarks.append(f"{name}: {told['records']:,} records, {told['days']} days computed anew")
    for name in ("night", "anywhere"):
        part.add(f"{name} / all, wall", "", [figures[name]["wall"] / figures["all"]["wall"]], Aim(at_most=0.1))
        part.add(f"{name} / all, CPU", "", [figures[name]["cpu"] / figures["all"]["cpu"]])
    duck = figures["all"]["aggregation"]
    part.add("sums of silver by Spark / by DuckDB, same files", "", [duck["spark"] / duck["duckdb"]])
    return part


def _run(night: made_log.Night, *, sums: bool) -> dict[str, Any]:
    """One reconciliation in a process of its own; its seconds and memory are those of all its processes together."""
    began = time.monotonic()
    with TemporaryFile("w+") as output:
        command = [sys.executable, "-m", "bench.history_step", json.dumps({"night": asdict(night), "sums": sums})]
        process = subprocess.Popen(command, stdout=output)
        peak = 0
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                top = psutil.Process(process.pid)
                peak = max(peak, sum(map(_memory, (top, *top.children(recursive=True)))))
            time.sleep(LOOK_SECONDS)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise Permanent("a reconciliation failed", received=f"exit code {process.returncode}", todo="see its output")
    told: dict[str, Any] = json.loads(text.splitlines()[-1])
    return {"peak": peak, "in_all": time.monotonic() - began, **told}


def _memory(process: psutil.Process) -> int:
    """Bytes; what it shares with others in parts: a program that a JVM starts begins with all of the JVM's memory."""
    found: int = process.memory_full_info().pss
    return found


if __name__ == "__main__":
    typer.run(main)
