"""A graph of lineage: datasets, and the flows by which a job makes the columns of one out of another's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table, a topic or a route.

    Attributes:
        platform: what keeps it: postgres, kafka, iceberg, clickhouse or http.
        name: its name there.
        description: what it holds, as one phrase.
        columns: the columns that answers are made of.
    """

    platform: str
    name: str
    description: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of a program that fills datasets.

    Attributes:
        program: the program that it is part of, such as `reconcile`.
        name: the part, such as `silver`.
        platform: what runs it: kafka-connect, flink, spark or http.
        description: what it does, as one phrase.
    """

    program: str
    name: str
    platform: str
    description: str


@dataclass(frozen=True, slots=True)
class Flow:
    """What one dataset gets from another.

    Attributes:
        job: who does it.
        upstream: where the data comes from.
        downstream: where it goes.
        columns: which column there comes from which column here, as (upstream's, downstream's).
    """

    job: Job
    upstream: Dataset
    downstream: Dataset
    columns: tuple[tuple[str, str], ...]

    def sources_of(self, wanted: Iterable[str]) -> Columns:
        """The upstream's columns that the wanted columns of the downstream come from, in the upstream's order."""
        chosen = set(wanted)
        found = {source for source, target in self.columns if target in chosen}
        return tuple(column for column in self.upstream.columns if column in found)


@dataclass(frozen=True, slots=True)
class Graph:
    """All flows; no dataset comes from itself, not even in a roundabout way."""

    flows: tuple[Flow, ...]

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Every dataset, upstream first where it was first met."""
        both = (dataset for flow in self.flows for dataset in (flow.upstream, flow.downstream))
        return tuple(dict.fromkeys(both))

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job, in the order of the flows."""
        return tuple(dict.fromkeys(flow.job for flow in self.flows))

    def into(self, dataset: Dataset) -> tuple[Flow, ...]:
        """The flows that fill a dataset."""
        return tuple(flow for flow in self.flows if flow.downstream == dataset)

    def way_to(self, dataset: Dataset) -> Graph:
        """The part of the graph that a dataset is made of, from it back to its sources."""
        return Graph(tuple(dict.fromkeys(self._back_from(dataset, set()))))

    def _back_from(self, dataset: Dataset, seen: set[Dataset]) -> Iterator[Flow]:
        if dataset in seen:
            return
        seen.add(dataset)
        for flow in self.into(dataset):
            yield flow
            yield from self._back_from(flow.upstream, seen)
