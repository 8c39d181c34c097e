"""`tidelake sources scaffold`: a definition from a WSDL."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

Wsdl = Annotated[str, typer.Option("--wsdl", help="The WSDL's address, or a file.")]
Name = Annotated[str, typer.Option(help="The source's name.")]
Operation = Annotated[str, typer.Option(help="The operation that tells sales; asked for unless told.")]
Rows = Annotated[str | None, typer.Option(help="The path of the element that is one sale; asked for unless told.")]
Field = Annotated[
    list[str] | None, typer.Option("--field", help="FIELD=PATH, or FIELD==TEXT for a constant; may be given again.")
]
Argument = Annotated[
    list[str] | None, typer.Option("--argument", help="NAME=VALUE, sent with each question; may be given again.")
]
Host = Annotated[list[str] | None, typer.Option("--host", help="A further host that the WSDL may lead to.")]
Version = Annotated[str | None, typer.Option("--soap", help="1.1 or 1.2.")]
User = Annotated[str | None, typer.Option(help="User of HTTP's basic authentication.")]
PasswordEnv = Annotated[str | None, typer.Option(help="The environment variable of that user's password.")]
Output = Annotated[Path | None, typer.Option(help="The file to write; - for standard output.")]
Prompts = Annotated[
    bool | None, typer.Option("--ask/--no-ask", help="Ask for what is not told, or take the proposals.")
]


def scaffold(
    *,
    wsdl: Wsdl,
    name: Name = "",
    operation: Operation = "",
    rows: Rows = None,
    field: Field = None,
    argument: Argument = None,
    host: Host = None,
    soap: Version = None,
    user: User = None,
    password_env: PasswordEnv = None,
    output: Output = None,
    ask: Prompts = None,
) -> None:
    """Write the definition of a SOAP source from its WSDL, asking which operation and fields."""
    from runtime.settings import settings
    from streaming.sources.soap import scaffold as making

    asking = sys.stdin.isatty() if ask is None else ask
    name = name or _name(asking)
    http = {"http": {"user": user, "password": {"env": password_env}}} if user else {}
    more = {**http, **({"soap": soap} if soap else {})}
    wanted = making.Wanted(name, wsdl, operation, rows, _told(field or []), _pairs(argument or []), host or [], more)
    definition = making.scaffold(wanted, _choose if asking else _first, _ask if asking else _proposed)
    _write(definition, output or settings().sources_dir / f"{name}.yaml")


def _told(fields: list[str]) -> dict[str, str]:
    from streaming.sources.soap.proposal import WORDS

    told = _pairs(fields)
    if unknown := set(told) - set(WORDS):
        raise typer.BadParameter(f"received {', '.join(sorted(unknown))}, valid: {', '.join(WORDS)}")
    return told


def _pairs(told: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (each.partition("=") for each in told)}


def _write(definition: dict[str, Any], path: Path) -> None:
    import yaml

    from streaming.sources.soap.scaffold import written

    if str(path) == "-":
        typer.echo(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True), nl=False)
        return
    written(definition, path)
    typer.echo(f"{path} is written; try it with `tidelake sources check {definition['name']}`")


def _name(asking: bool) -> str:
    from rich.prompt import Prompt

    if not asking:
        raise typer.BadParameter("missing, valid: small letters, digits and hyphens", param_hint="--name")
    return Prompt.ask("The source's name")


def _choose(what: str, choices: Sequence[str], proposal: str) -> str:
    from rich.prompt import Prompt

    typer.echo("\n".join(f"  {each}" for each in choices))
    return Prompt.ask(what, choices=list(choices), default=proposal, show_choices=False)


def _ask(what: str, proposal: str) -> str:
    from rich.prompt import Prompt

    return Prompt.ask(what, default=proposal)


def _first(what: str, choices: Sequence[str], proposal: str) -> str:
    return proposal


def _proposed(what: str, proposal: str) -> str:
    return proposal
