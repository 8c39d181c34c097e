"""The log time T that a reconciliation goes up to, as a person or a schedule says it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from runtime.errors import Permanent

VALID = "now, midnight, or a past second of UTC such as 2026-01-31T23:00:00Z"


def boundary(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The boundary that a text means.

    Args:
        text: `now` (the second that runs), `midnight` (the last one of the business time zone), or an ISO 8601 time
            with its offset.
        now: the present, aware.
        zone: the business time zone.

    Raises:
        Permanent: it is not a time, has no offset, or is no past second.

    >>> boundary("midnight", datetime(2026, 7, 1, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-06-30T22:00:00+00:00'
    """
    if text == "now":
        return now.astimezone(UTC).replace(microsecond=0)
    if text == "midnight":
        today = now.astimezone(zone).date()
        return datetime.combine(today, time(), zone).astimezone(UTC)
    return checked(_time(text), now)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Permanent("that is not a time", received=text, valid=VALID) from None


def checked(through: datetime, now: datetime) -> datetime:
    """The boundary in UTC, if it is a whole second that is past.

    Raises:
        Permanent: it is not.
    """
    if through.tzinfo is None:
        raise Permanent("the time has no offset", received=through.isoformat(), valid=VALID)
    if through.microsecond:
        raise Permanent("a boundary is a whole second", received=through.isoformat(), valid=VALID)
    if through > now:
        raise Permanent("the boundary lies in the future", received=through.isoformat(), valid=VALID)
    return through.astimezone(UTC)
