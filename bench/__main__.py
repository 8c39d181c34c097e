"""`python -m bench`: chooses the parts, measures them on one stack, and shows the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench import delay, files, load, postgres, queries, reconciliation, rest, serving, soap, throughput
from bench.home import measured_stack
from bench.report import machine, show

PARTS = ("throughput", "reconciliation", "delay", "queries", "load", "serving", "postgres", "files", "rest", "soap")
"""In the order in which they are measured: the reconciliation takes the records that the throughput has written."""

Chosen = Annotated[list[str], typer.Option("--part", help=f"One of {', '.join(PARTS)}; may be given again.")]


def main(
    *,
    part: Chosen = list(PARTS),  # noqa: B006 - typer copies it
    records: Annotated[int, typer.Option(min=1000, help="How many records the log is filled with.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each job and the loop run, in turn.")] = 3,
    rate: Annotated[float, typer.Option(min=1, help="Changes per second while delays are probed.")] = 200.0,
    seconds: Annotated[
        float, typer.Option(min=1, help="For how long delays are probed, and the API is under load.")
    ] = 60.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for every figure of every round.")] = None,
    home: Annotated[
        Path | None, typer.Option(help="Measure the stack of this TIDELAKE_HOME, not one of its own.")
    ] = None,
) -> None:
    """Measure on real servers, as ratios of figures that are taken side by side in one run."""
    if unknown := set(part) - set(PARTS):
        raise typer.BadParameter(f"received {', '.join(sorted(unknown))}, valid: {', '.join(PARTS)}")
    console = Console()

    def tell(text: str) -> None:
        console.print(f"[dim]{text}[/dim]")

    tell("starting the stack")
    with measured_stack(home) as chosen:
        measured = {
            "throughput": lambda: throughput.measure(chosen, records, rounds, tell),
            "reconciliation": lambda: reconciliation.measure(tell),
            "delay": lambda: delay.measure(chosen, rate, seconds, tell),
            "queries": lambda: queries.measure(tell),
            "load": lambda: load.measure(chosen, rate, seconds, tell),
            "serving": lambda: serving.measure(rounds, tell),
            "rest": lambda: rest.measure(records, rounds, tell),
            "files": lambda: files.measure(records, rounds, tell),
            "soap": lambda: soap.measure(records, rounds, tell),
            "postgres": lambda: postgres.measure(chosen, records, rounds, tell),
        }
        done = []
        for name in PARTS:
            if name in part:
                done.append(measured[name]())
                show(console, done[-1])
    if json_file:
        json_file.write_text(json.dumps({"machine": machine(), "parts": [each.as_json() for each in done]}, indent=2))


if __name__ == "__main__":
    typer.run(main)
