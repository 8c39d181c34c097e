"""`tidelake sources`: what is defined, how it fares, and whether a definition fits the real thing."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from streaming.sources.postgres.commands import print_sql, resnapshot
from streaming.sources.soap.commands import scaffold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streaming.sources.definition import Source
    from streaming.sources.records import Finding

sources = typer.Typer(help="Where sales come from: list, check, start, stop.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name in its definition.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


sources.command()(scaffold)
sources.command("sql")(print_sql)
sources.command()(resnapshot)


def register(app: typer.Typer) -> None:
    """Adds `sources` to the command."""
    app.add_typer(sources, name="sources")


@sources.callback()
def _without_command(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json)


@sources.command("list")
def list_(as_json: AsJson = False) -> None:
    """List every source with its state, lag, last error, counts, and when it is read next."""
    from runtime.settings import settings
    from streaming.sources import overview, view
    from streaming.sources.catalogue import Catalogue

    catalogue = Catalogue(settings())
    rows = overview.rows(settings(), catalogue.look())
    if as_json:
        typer.echo(json.dumps([view.as_json(each) for each in rows], indent=2))
    else:
        view.listed(rows)
    for each in catalogue.wrong:
        raise each.error


@sources.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Try a definition against the real thing and say what it would do; exits with 1 if something is not well."""
    from runtime.settings import settings
    from streaming.sources import catalogue, view

    findings = []
    for finding in _findings(catalogue.source(settings(), name)):
        findings.append(finding)
        if not as_json:
            view.found(finding)
    if as_json:
        told = [{"ok": each.ok, "what": each.what, "todo": each.todo} for each in findings]
        typer.echo(json.dumps({"source": name, "ok": all(each.ok for each in findings), "findings": told}, indent=2))
    raise typer.Exit(0 if all(each.ok for each in findings) else 1)


@sources.command()
def start(name: Name) -> None:
    """Let a source run that was stopped, by an operator or because a person had to mend something."""
    _want(name, enabled=True)
    typer.echo(f"{name} is asked to start; see `tidelake sources`")


@sources.command()
def stop(name: Name) -> None:
    """Stop reading a source until it is started again; what it has brought stays."""
    _want(name, enabled=False)
    typer.echo(f"{name} is asked to stop; see `tidelake sources`")


@sources.command()
def schema() -> None:
    """Print the JSON Schema of a definition, for editors and for checks."""
    from streaming.sources.catalogue import DEFINITION

    typer.echo(json.dumps(DEFINITION.json_schema(), indent=2))


@sources.command()
def files(name: Name, as_json: AsJson = False) -> None:
    """What happened to each file of a source: taken or refused, rows, bad rows, when."""
    from dataclasses import asdict

    from runtime.errors import Permanent
    from runtime.settings import settings
    from streaming.sources import catalogue, publisher, view
    from streaming.sources.files.history import every

    if (kind := catalogue.source(settings(), name).kind) != "files":
        raise Permanent("this source reads no files", received=f"{name}, of kind {kind}", valid="a source of files")
    found = sorted(every(publisher.remembered(settings(), name)), key=lambda each: each.turn)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        view.files(found)


def _findings(source: Source) -> Iterator[Finding]:
    """What the check of its kind finds; an error is what it ends with."""
    from runtime.errors import TidelakeError
    from runtime.settings import settings
    from streaming.sources.records import Finding

    try:
        yield from import_module(f"streaming.sources.{source.kind}.check").check(source, settings())
    except TidelakeError as error:
        yield Finding(False, str(error), error.todo or "")


def _want(name: str, *, enabled: bool) -> None:
    from runtime.settings import settings
    from streaming.sources import catalogue, state

    state.want(settings(), name, catalogue.source(settings(), name).kind, enabled=enabled)
