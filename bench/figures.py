"""Figures that were measured several times, and what is said about them: median, spread, percentiles, aims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import ceil
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least that share of the values does not exceed (nearest rank).

    >>> percentile([5, 1, 2, 4, 3], 0.5), percentile([5, 1, 2, 4, 3], 0.99), percentile([7], 0)
    (3, 5, 7)
    """
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Aim:
    """The value that a figure is hoped to reach: at least, or at most."""

    at_least: float | None = None
    at_most: float | None = None

    def reached(self, value: float) -> bool:
        """Whether a value is good enough.

        >>> Aim(at_least=0.5).reached(0.4), Aim(at_most=0.6).reached(0.4)
        (False, True)
        """
        return not (
            (self.at_least is not None and value < self.at_least) or (self.at_most is not None and value > self.at_most)
        )

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result.

    Attributes:
        what: was measured.
        unit: of the values; empty for a ratio.
        values: one a round, in their order.
        aim: that its median is held against, if there is one.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    aim: Aim | None = None

    @property
    def median(self) -> float:
        """What is reported."""
        return median(self.values)

    def as_json(self) -> dict[str, object]:
        """For programs."""
        aim = {"aim": str(self.aim), "reached": self.aim.reached(self.median)} if self.aim else {}
        return {**asdict(self), "median": self.median, "low": min(self.values), "high": max(self.values), **aim}


@dataclass(slots=True)
class Part:
    """One part of the benchmark: its figures, and remarks that belong to them."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, what: str, unit: str, values: Sequence[float], aim: Aim | None = None) -> None:
        """Adds a figure."""
        self.figures.append(Figure(what, unit, tuple(values), aim))

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "name": self.name,
            "title": self.title,
            "figures": [each.as_json() for each in self.figures],
            "remarks": self.remarks,
        }


def ratios(dividends: Sequence[float], divisors: Sequence[float]) -> list[float]:
    """The ratio of each round."""
    return [one / other for one, other in zip(dividends, divisors, strict=True)]
