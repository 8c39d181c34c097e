"""The way of an answer back to its sources: as a tree for a terminal, as JSON for programs."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.tree import Tree

from metadata.graph import Columns, Dataset, Graph

PLATFORMS = {
    "postgres": "PostgreSQL",
    "kafka": "Kafka",
    "iceberg": "Iceberg",
    "clickhouse": "ClickHouse",
    "http": "API",
}


def tree(graph: Graph, answer: Dataset) -> Tree:
    """Each dataset with the columns that the answer needs of it; below it what those are made of.

    What a dataset is made of stands below it where it comes first.
    """
    top = Tree(_label(answer, answer.columns, ""), guide_style="dim")
    _grow(top, graph, answer, answer.columns, set())
    return top


def _grow(branch: Tree, graph: Graph, dataset: Dataset, wanted: Columns, seen: set[tuple[Dataset, Columns]]) -> None:
    for flow in graph.into(dataset):
        needed = flow.sources_of(wanted)
        if not needed:
            continue
        below = branch.add(_label(flow.upstream, needed, f"read by {flow.job.program}"))
        if (flow.upstream, needed) not in seen:
            seen.add((flow.upstream, needed))
            _grow(below, graph, flow.upstream, needed, seen)
        elif graph.into(flow.upstream):
            below.add("[dim]as above[/dim]")


def _label(dataset: Dataset, columns: Columns, note: str) -> str:
    where = PLATFORMS.get(dataset.platform, dataset.platform)
    first = f"{where} [bold]{escape(dataset.name)}[/bold]  [dim]{escape(note)}[/dim]"
    return f"{first.rstrip()}\n[cyan]{escape(', '.join(columns))}[/cyan]"


def as_json(graph: Graph, answer: Dataset) -> dict[str, Any]:
    """The graph of one answer, flat: datasets, and flows that name them."""
    return {
        "answer": _name(answer),
        "datasets": [
            {"id": _name(each), "platform": each.platform, "description": each.description, "columns": each.columns}
            for each in graph.datasets
        ],
        "flows": [
            {
                "job": f"{flow.job.program}.{flow.job.name}",
                "platform": flow.job.platform,
                "from": _name(flow.upstream),
                "to": _name(flow.downstream),
                "columns": [{"from": source, "to": target} for source, target in flow.columns],
            }
            for flow in graph.flows
        ],
    }


def _name(dataset: Dataset) -> str:
    return f"{dataset.platform}:{dataset.name}"
