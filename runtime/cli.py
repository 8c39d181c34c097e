"""The `tidelake` command: one app, made of the commands that each package brings along."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

import batch.commands
import metadata.commands
import runtime.demo.commands
import serving.commands
import stack.commands
import stack.shop.commands
import streaming.commands
from observe import logs
from runtime.errors import Permanent, TidelakeError

FAILED, TRY_AGAIN, INTERRUPTED = 1, 75, 130
"""Exit codes: it fails each time; the same command can succeed later (as EX_TEMPFAIL of sysexits.h); Ctrl-C."""

HELP = """Live and reconciled rankings of sales as one exact answer.

[bold]tidelake up[/bold] starts everything on this machine, [bold]tidelake demo[/bold] shows it at work.
Settings are environment variables, `TIDELAKE_HOME` first of all: see docs/settings.md.
Exit codes: 1 it failed, 2 the command was not understood, 75 it failed but can succeed later, 130 Ctrl-C."""


PACKAGES: tuple[Callable[[typer.Typer], None], ...] = (
    stack.commands.register,
    stack.shop.commands.register,
    streaming.commands.register,
    batch.commands.register,
    serving.commands.register,
    metadata.commands.register,
    runtime.demo.commands.register,
)
"""What adds the commands, in the order of the help."""


def main() -> None:
    """The console script.

    Raises:
        SystemExit: always, with one of the exit codes that the help names.
    """
    try:
        app()(prog_name="tidelake")
    except TidelakeError as error:
        if debugging():
            raise
        _show(error)
        sys.exit(FAILED if isinstance(error, Permanent) else TRY_AGAIN)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def app() -> typer.Typer:
    """The app with every package's commands."""
    made = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,  # the pretty ones show local variables, and with them secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(_every_command)
    for register in PACKAGES:
        register(made)
    return made


def debugging() -> bool:
    """Whether expected errors show their traceback. Not read through the settings, which may be what is wrong."""
    return os.environ.get("TIDELAKE_DEBUG", "").lower() in {"1", "true", "yes", "on"}


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tidelake {version('tidelake')}")
        raise typer.Exit


def _every_command(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    # A command talks to people by itself: its terminal gets what went wrong, its file gets everything.
    level = "DEBUG" if debugging() else "WARNING"
    logs.configure(f"tidelake-{context.invoked_subcommand}", terminal_level=level)


def _show(error: TidelakeError) -> None:
    """The parts of the message, one a line; only the terminal gets colors."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error[/bold red]", error.wrong, sep=": ", markup=True)
    for name, text in (("received", error.received), ("valid", error.valid), ("what to do", error.todo)):
        if text:
            console.print(f"  {name}: {text}", markup=False)
