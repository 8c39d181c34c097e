"""`tidelake shop`: fills the operational table with realistic sales, and changes them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from runtime.settings import settings

Seed = Annotated[int, typer.Option(help="What the random draws start from.")]
Days = Annotated[int, typer.Option(min=1, help="Over how many days the sales are spread.")]


def register(app: typer.Typer) -> None:
    """Adds `shop` to the command."""
    app.add_typer(shop, name="shop")


shop = typer.Typer(help="Write realistic sales into the operational database.", no_args_is_help=True)


@shop.command()
def load(
    count: Annotated[int, typer.Argument(min=1, help="How many sales.")],
    seed: Seed = 1,
    days: Days = 30,
) -> None:
    """Add new sales, as fast as PostgreSQL takes them."""
    from stack.shop.simulator import Shop

    with Shop(_dsn(), seed=seed, days=days) as opened, _progress() as progress:
        bar = progress.add_task("loading sales", total=count)
        opened.load(count, lambda loaded: progress.advance(bar, loaded))


@shop.command()
def run(
    rate: Annotated[float, typer.Option(min=0.1, help="Changes per second.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="For how long.")] = 60.0,
    seed: Seed = 1,
    days: Days = 30,
) -> None:
    """Make a mix of inserts, updates, moves, deletes and returns at a steady rate."""
    from stack.shop.simulator import Shop

    with Shop(_dsn(), seed=seed, days=days) as opened, _progress() as progress:
        bar = progress.add_task("changing sales", total=round(rate * seconds))
        counts = opened.run(rate, seconds, lambda _change: progress.advance(bar))
    Console().print(", ".join(f"{count} {kind}" for kind, count in counts.most_common()))


def _dsn() -> str:
    return settings().source_dsn.get_secret_value()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))
