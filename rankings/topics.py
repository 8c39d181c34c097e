"""The topics of the log: which ones carry sales.

Every record of these topics is told in one form (`rankings.contract`), whoever wrote it; so a new topic needs no word
to the jobs, which read whatever matches.
"""

from __future__ import annotations

import re

PATTERN = r"(?:cdc|events)\.[A-Za-z0-9._-]+"
"""What the whole name of a topic that carries sales looks like, for Python, Java and Flink alike."""

SHOP_SALES = "cdc.public.sales"
"""The operational database's table `public.sales`, as Debezium writes it."""

EVENTS = ("events.files", "events.rest", "events.soap")
"""What the connectors write, and anyone who keeps the contract may."""

TOPICS: tuple[str, ...] = (SHOP_SALES, *EVENTS)
"""The topics that every deployment has from its start."""

_COMPILED = re.compile(PATTERN)


def carries_sales(topic: str) -> bool:
    """Whether the jobs read a topic, the gauge marks it and the lake keeps it.

    >>> carries_sales("cdc.branch.sales"), carries_sales("connect-offsets")
    (True, False)
    """
    return _COMPILED.fullmatch(topic) is not None
