"""The result as a person reads it."""

from __future__ import annotations

import os

import psutil
from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Part


def machine() -> dict[str, object]:
    """What was measured on, and how busy it was with everything together in the last minutes."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_average": psutil.getloadavg(),
    }


def show(console: Console, part: Part) -> None:
    """One table: the median, the lowest and the highest of the rounds, and the aim."""
    table = Table(title=part.title, title_justify="left", title_style="bold")
    for name, justify in (("", "left"), ("median", "right"), ("low – high", "right"), ("", "left"), ("aim", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for figure in part.figures:
        table.add_row(figure.what, number(figure.median), _spread(figure), figure.unit, _aim(figure))
    console.print(table)
    for remark in part.remarks:
        console.print(remark)


def number(value: float) -> str:
    """Three digits that matter, thousands apart.

    >>> number(0.51234), number(1.5), number(48_123.4)
    ('0.512', '1.50', '48,123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def _spread(figure: Figure) -> str:
    if len(figure.values) == 1:
        return ""
    return f"{number(min(figure.values))} – {number(max(figure.values))}"


def _aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    return f"{figure.aim} {'[green]reached[/green]' if figure.aim.reached(figure.median) else '[red]missed[/red]'}"
