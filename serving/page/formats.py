"""How the page writes figures, times and names for people; what was answered stays as it is beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from rankings.topics import SHOP_SALES

COLUMNS = {"country": "Country", "city": "City", "salesman_id": "Salesman"}
"""Heads of the columns that rankings are about."""

SOURCES = {
    SHOP_SALES: "Shop database",
    "events.files": "Files",
    "events.rest": "REST services",
    "events.soap": "SOAP services",
}
"""Names of the topics that every deployment has; others go by the topic's name."""

VIEWS = {"merged": "History and live", "live": "Live only", "reconciled": "History only"}
"""Names of the views."""


def grouped(number: object) -> str:
    """A decimal number with its thousands apart, exact to the last digit.

    >>> grouped("-1234567890123456789012.50"), grouped(1834), grouped("999.00")
    ('-1,234,567,890,123,456,789,012.50', '1,834', '999.00')
    """
    whole, point, rest = str(number).partition(".")
    return f"{int(whole):,}{point}{rest}" if whole != "-0" else f"-0{point}{rest}"


def counted(number: int, what: str) -> str:
    """So many of something.

    >>> counted(1, "sale"), counted(1834, "sale"), counted(-1, "sale")
    ('1 sale', '1,834 sales', '-1 sale')
    """
    return f"{number:,} {what}{'' if abs(number) == 1 else 's'}"


def moment(instant: str | None) -> str | Markup:
    """A time of the API for people, to the second; the whole of it stays in the markup.

    >>> moment("2026-01-31T12:00:00.250Z")
    Markup('<time datetime="2026-01-31T12:00:00.250Z">31 Jan 2026, 12:00:00 UTC</time>')
    >>> moment(None)
    'not known'
    """
    if instant is None:
        return "not known"
    at = datetime.fromisoformat(instant).astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(instant, f"{at.day} {at:%b %Y, %H:%M:%S}")


def behind(seconds: float | None) -> str:
    """How long ago, in the unit that people would take.

    >>> behind(0.437), behind(95.07), behind(7300), behind(200000), behind(None)
    ('0.4 s', '1 min 35 s', '2 h 1 min', '2 d 7 h', 'not known')
    """
    if seconds is None:
        return "not known"
    if seconds < 60:
        return f"{seconds:.1f} s"
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} {int(seconds % unit // part)} {part_name}"
    return ""


def source(topic: str) -> str:
    """What people call a topic.

    >>> source("events.rest"), source("cdc.branch.sales")
    ('REST services', 'cdc.branch.sales')
    """
    return SOURCES.get(topic, topic)


def column(name: str) -> str:
    """The head of a column.

    >>> column("salesman_id"), column("0")
    ('Salesman', '0')
    """
    return COLUMNS.get(name, name.replace("_", " ").capitalize())


FILTERS: dict[str, Callable[..., Any]] = {
    "grouped": grouped,
    "counted": counted,
    "moment": moment,
    "behind": behind,
    "source": source,
    "column": column,
    "view_name": lambda view: VIEWS.get(view, view),
}
"""For templates."""
