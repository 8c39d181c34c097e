"""The command of the demo."""

from __future__ import annotations

import signal
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the demo."""
    app.command()(demo)


def demo(
    sales: Annotated[int, typer.Option(min=1, help="How many sales to load.")] = 20_000,
    leave: Annotated[bool, typer.Option("--exit", envvar="DEMO_EXIT", help="Exit at the end, and stop.")] = False,
) -> None:
    """Start everything, follow sales from PostgreSQL to the merged answer, check it, and stay up until Ctrl-C."""
    from runtime.demo.others import running
    from runtime.demo.stage import on_stage
    from runtime.demo.story import tell

    # A SIGTERM ends the demo as Ctrl-C does: the stack is stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with on_stage() as stage, running(stage) as others:
        passed = tell(stage, others, sales)
        if not leave:
            stage.wait_for_ctrl_c()
    raise typer.Exit(0 if passed else 1)
