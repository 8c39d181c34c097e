"""A ranking: what is summed, for whom, and among whom it is ranked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rankings.sale import MEASURE_COLUMNS, SUBJECT_COLUMNS

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of one money column of the sales."""

    column: str


@dataclass(frozen=True, slots=True)
class Label:
    """A name to show beside a subject's key column: the last one seen, joined when the answer is given.

    Attributes:
        key: the subject's column that it describes.
        column: the sale's column that holds the name.
    """

    key: str
    column: str


SALESMAN = Label(key="salesman_id", column="salesman")
"""The salesman's name."""

LABELS: tuple[Label, ...] = (SALESMAN,)
"""Every descriptive name that is kept beside the rankings."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One ranking, as all engines, routes and pages understand it.

    Attributes:
        name: as it stands in addresses (`top-sales-per-city`) and tables: with another subject or measure, another one.
        title: as a person reads it.
        subject: the columns that together are ranked.
        within: the leading columns of `subject` among whose values the ranks start anew; empty for one ranking of all.
        measure: what they are ranked by, greatest first.

    The order is total: the measure descending, then the subject's columns ascending by code point.

    Raises:
        ValueError: a name or a column is not one that the engines know.
    """

    name: str
    title: str
    subject: tuple[str, ...]
    within: tuple[str, ...]
    measure: Sum

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a ranking's name is lower-case words joined by hyphens, not {self.name!r}")
        if not self.subject or not set(self.subject) <= set(SUBJECT_COLUMNS):
            raise ValueError(f"{self.name}: the subject is made of {SUBJECT_COLUMNS}, not {self.subject}")
        if self.within != self.subject[: len(self.within)]:
            raise ValueError(f"{self.name}: within {self.within} does not lead the subject {self.subject}")
        if self.measure.column not in MEASURE_COLUMNS:
            raise ValueError(f"{self.name}: the measure is one of {MEASURE_COLUMNS}, not {self.measure.column!r}")

    @property
    def slug(self) -> str:
        """The name as an SQL identifier.

        >>> from rankings.catalogue import TOP_SALES_PER_CITY
        >>> TOP_SALES_PER_CITY.slug
        'top_sales_per_city'
        """
        return self.name.replace("-", "_")

    @property
    def live_table(self) -> str:
        """ClickHouse's table of the live deltas."""
        return f"live_{self.slug}"

    @property
    def reconciled_table(self) -> str:
        """ClickHouse's table of the differences between published versions."""
        return f"reconciled_{self.slug}"

    @property
    def gold_table(self) -> str:
        """The lake's table of the whole history's sums (namespace `gold`)."""
        return self.slug

    @property
    def labels(self) -> tuple[Label, ...]:
        """The names that can be shown beside the subject."""
        return tuple(label for label in LABELS if label.key in self.subject)

    @property
    def sum_key(self) -> tuple[str, ...]:
        """The columns that a sum is kept for: never across currencies, never across business days."""
        return ("business_day", "currency", *self.subject)
