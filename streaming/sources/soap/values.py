"""The values of an answer as exact text: what the schema calls a number, a time or a boolean in its usual form.

Nothing passes through a float or through zeep's own values, which are silently None where a text does not fit its
type: what the service wrote is what the contract judges, and what the quarantine shows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]{1,2})?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?")
LONGEST = 100
"""Characters of a number or a time that are looked at; a longer text stays as it came."""

BOOLEANS = {"1": "true", "0": "false"}


def number(text: str) -> str:
    """A decimal, integer, float or double without an exponent and without needless digits; as it came if it is none.

    >>> number("+0012.300"), number("1.25E1"), number(" .5 "), number("12.345"), number("12,30"), number("INF")
    ('12.30', '12.5', '0.5', '12.345', '12,30', 'INF')
    """
    text = text.strip()
    if _PLAIN.fullmatch(text) or len(text) > LONGEST or not _NUMBER.fullmatch(text):
        return text
    whole, point, fraction = format(Decimal(text), "f").partition(".")
    return whole + point + fraction[:2] + fraction[2:].rstrip("0")


def boolean(text: str) -> str:
    """`true` or `false`, which XML may also write as 1 and 0.

    >>> boolean("1"), boolean(" false "), boolean("yes")
    ('true', 'false', 'yes')
    """
    return BOOLEANS.get(text.strip(), text.strip())


def time(text: str, zone: tzinfo | None) -> str:
    """An xsd:dateTime in UTC with Z; as it came if it is none, or has no zone and none is told.

    >>> from zoneinfo import ZoneInfo
    >>> time("2026-07-01T00:30:00.250+02:00", None), time("2026-01-01T24:00:00Z", None)
    ('2026-06-30T22:30:00.250Z', '2026-01-02T00:00:00Z')
    >>> time("2026-01-01T00:00:00", None)
    '2026-01-01T00:00:00'
    >>> time("2026-07-01T00:30:00", ZoneInfo("Europe/Berlin"))
    '2026-06-30T22:30:00Z'
    """
    text = text.strip()
    if len(text) > LONGEST or not (found := _TIME.fullmatch(text)):
        return text
    at = instant(text, zone)
    if at is None:
        return text
    return at.replace(microsecond=0, tzinfo=None).isoformat() + (found[3] or "") + "Z"


def instant(text: str, zone: tzinfo | None) -> datetime | None:
    """The instant of an xsd:dateTime, to the microsecond; None if it is none, or has no zone and none is told.

    Of a local time that the clock shows twice it is the first; one that the clock leaps over is none.
    """
    found = _TIME.fullmatch(text.strip())
    if not found:
        return None
    day, clock, fraction, offset = found.groups()
    midnight = clock == "24:00:00"
    try:
        local = datetime.fromisoformat(
            f"{day}T{'00:00:00' if midnight else clock}{(offset or '').replace('Z', '+00:00')}"
        )
        local += timedelta(days=int(midnight), microseconds=int((fraction or ".0")[1:7].ljust(6, "0")))
        return _in_utc(local, zone)
    except (ValueError, OverflowError):
        return None


def _in_utc(local: datetime, zone: tzinfo | None) -> datetime | None:
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    if zone is None:
        return None
    at = local.replace(tzinfo=zone).astimezone(UTC)
    return at if at.astimezone(zone).replace(tzinfo=None) == local else None
