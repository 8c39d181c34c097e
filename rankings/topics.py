"""The topics of the log, and how each tells the fields of the contract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that carries sales.

    Attributes:
        name: the topic's name in Kafka.
        source: the source that all its records come from, or None where each record names its own.
        deleted_field: the field that says whether a record deletes its sale.
    """

    name: str
    source: str | None
    deleted_field: str = "deleted"


SHOP_SALES = Topic("cdc.public.sales", source="shop", deleted_field="__deleted")
"""The operational database's table `public.sales`, as Debezium writes it (flattened, deletes rewritten)."""

TOPICS: tuple[Topic, ...] = (
    SHOP_SALES,
    Topic("events.files", source=None),
    Topic("events.rest", source=None),
    Topic("events.soap", source=None),
)
"""Every topic that the jobs read, the gauge marks and the lake keeps."""


def topic(name: str) -> Topic:
    """The topic of that name.

    Raises:
        KeyError: no topic has it.
    """
    return _BY_NAME[name]


_BY_NAME = {each.name: each for each in TOPICS}
