"""`tidelake lineage`: where an answer comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from rankings.catalogue import RANKINGS, ranking
from runtime.errors import Permanent

if TYPE_CHECKING:
    from streaming.sources.definition import Source


def register(app: typer.Typer) -> None:
    """Adds `lineage` to the command."""
    app.command()(lineage)


def lineage(
    name: Annotated[
        str | None, typer.Argument(metavar="RANKING", help="A ranking, such as top-sales-per-city.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    emit: Annotated[bool, typer.Option("--emit", help="Write the lineage of all rankings to DataHub.")] = False,
) -> None:
    """Show the way of a ranking's answers back to their sources, column by column."""
    defined = _defined()
    if emit:
        _emit(defined)
    elif name is None:
        raise Permanent("no ranking was named", valid=_names(), todo="name one, or write all with --emit")
    if name is not None:
        _show(name, as_json, defined)


def _defined() -> tuple[Source, ...]:
    """The sources whose definitions are valid; tells which are not."""
    from runtime.settings import settings
    from streaming.sources.catalogue import Catalogue

    catalogue = Catalogue(settings())
    found = catalogue.look()
    for each in catalogue.wrong:
        typer.echo(f"the source {each.name} is left out: {each.error}", err=True)
    return found


def _show(name: str, as_json: bool, defined: tuple[Source, ...]) -> None:
    from rich.console import Console

    from metadata import lineage as derived
    from metadata import tree

    try:
        found = ranking(name)
    except KeyError as error:
        raise Permanent("there is no such ranking", received=name, valid=_names()) from error
    answer = derived.route(found)
    way = derived.lineage((found,), defined).way_to(answer)
    if as_json:
        typer.echo(json.dumps(tree.as_json(way, answer), indent=2))
    else:
        Console(highlight=False).print(tree.tree(way, answer))


def _emit(defined: tuple[Source, ...]) -> None:
    from metadata import datahub
    from metadata.lineage import lineage as derived

    emitted = datahub.emit(derived(sources=defined))
    typer.echo(f"{emitted.datasets} datasets, {emitted.aspects} aspects written to {emitted.where}", err=True)


def _names() -> str:
    return ", ".join(each.name for each in RANKINGS)
