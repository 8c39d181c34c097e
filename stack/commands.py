"""The commands of the stack on one machine."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stack.control import Status

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Name = Annotated[str, typer.Argument(help="A service, as `tidelake status` names it.")]


def register(app: typer.Typer) -> None:
    """Adds the stack's commands."""
    for command in (up, down, status, logs, restart, env, jars):
        app.command()(command)
    app.command("spark-history")(spark_history)


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
) -> None:
    """Start every server on this machine; stays in the foreground until Ctrl-C."""
    if detach:
        start_detached()
    else:
        raise typer.Exit(_up_here())


def start_detached() -> None:
    """Starts every server behind the terminal, and returns when all are ready.

    Raises:
        TidelakeError: it cannot start; the message says why and what to do.
    """
    from stack import control
    from stack.preflight import preflight
    from stack.terminal import StartView

    preflight()
    _fetch_jars()
    with StartView() as view:
        view.finish(control.start(view.show_status).rows)


def _up_here() -> int:
    from observe import logs
    from stack.preflight import preflight
    from stack.runner import failure
    from stack.supervisor import running_stack, stop_signals, wait_settled
    from stack.terminal import StartView

    preflight()
    _fetch_jars()
    # The view shows every change; log lines on the same terminal would tear it.
    logs.configure("supervisor", terminal=False)
    stop = stop_signals()
    with StartView() as view, running_stack(view.listener) as board:
        state = wait_settled(board, stop, view.show_board)
        if state == "failed":
            view.fail(failure(board.rows()))
            return 1
        if not stop.is_set():
            view.finish(board.rows())
            stop.wait()
        typer.echo("stopping ...")
    return 0


def down() -> None:
    """Stop every server, in reverse order. Nothing is lost: `tidelake up` goes on from there."""
    from stack import control

    typer.echo("stopped" if control.stop() else "no stack was up")


def status(as_json: AsJson = False) -> None:
    """Show health, versions, addresses and memory; exits with 1 unless everything is ready."""
    from stack import control

    now = control.status()
    if as_json:
        typer.echo(json.dumps(now.as_json(), indent=2))
    else:
        _print_status(now)
    raise typer.Exit(0 if now.state == "ready" else 1)


def _print_status(now: Status) -> None:
    from rich.console import Console

    from runtime.settings import settings
    from stack.view import WIDE, reasons, table

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE * 2)
    console.print(f"{now.state}  [dim]{settings().home}[/dim]")
    if now.night.get("next") and now.rows:
        last = f"; the last one, {now.night['at']}: {now.night['outcome']}" if now.night.get("outcome") else ""
        console.print(f"[dim]next night's work {now.night['next']}{last}[/dim]", highlight=False)
    if now.rows:
        console.print(table(now.rows, now.memory, full=console.width >= WIDE))
    for reason in reasons(now.rows):
        console.print(reason, markup=False, highlight=False)


def logs(
    name: Annotated[str, typer.Argument(help="A service, or `supervisor`.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
) -> None:
    """Show the last lines of a server's log."""
    from runtime.errors import Permanent
    from stack.process import log_file

    path = log_file(name)
    if not path.exists():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.log")))
        raise Permanent("no such log", received=name, valid=known or "none yet: run `tidelake up`")
    subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), "--", str(path)], check=False)


def restart(name: Name) -> None:
    """Stop one service and wait until the supervisor has started it again."""
    from stack import control

    row = control.restart(name)
    typer.echo(f"{name} is ready again (process {row.pid})")


def env(as_json: AsJson = False) -> None:
    """Print the addresses for programs, or as lines for `eval "$(tidelake env)"`. They hold passwords."""
    from stack import control

    found = control.environment()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        typer.echo(f"export TIDELAKE_{name.upper()}={shlex.quote(value)}")


def jars(
    *,
    spark: Annotated[bool, typer.Option("--spark", help="Print those of a reconciliation, for spark-submit.")] = False,
) -> None:
    """Download and verify every jar that the servers need, into a cache that all checkouts share."""
    from runtime.settings import settings
    from stack.jars import all_jars
    from stack.spark import spark_jars

    if spark:
        typer.echo(",".join(map(str, spark_jars())))
        return
    _fetch_jars()
    wanted = all_jars()
    typer.echo(f"{len(wanted)} jars, {sum(jar.size for jar in wanted) / 1e6:.0f} MB, in {settings().jar_cache}")


def _fetch_jars() -> None:
    """Shows a bar while jars are missing, and nothing otherwise."""
    from stack.jars import all_jars, fetch, missing, progress_bar, unpacked_plugin

    if missing(all_jars()):
        with progress_bar() as progress:
            fetch(all_jars(), progress)
    unpacked_plugin()


def spark_history(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 takes a free one.")] = 0,
) -> None:
    """Show what Spark did in past reconciliations, stage by stage, in its History Server; stays until Ctrl-C."""
    from stack.ports import HOST, free_port
    from stack.spark_history import serve

    chosen = port or free_port(set())
    typer.echo(f"http://{HOST}:{chosen}")
    serve(chosen)
