"""When a service wants to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runtime.errors import Retryable


def later(wrong: str, after: float | None, received: object = None) -> Retryable:
    """The error of a service that cannot answer now, and may have said when it can."""
    error = Retryable(wrong, received=received, todo=f"it wants to be asked again in {after:.0f} s" if after else None)
    error.after = after or 0.0
    return error


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` (RFC 9110, 10.2.3) tells, in either form; None where it tells none.

    A date is compared with the service's own clock if the answer has its `Date`.

    >>> retry_after({"Retry-After": "120"}, datetime.now(UTC))
    120.0
    """
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdecimal():
        return float(told[:9])
    until = http_date(told)
    if until is None:
        return None
    return max(0.0, (until - (http_date(headers.get("Date", "")) or now)).total_seconds())


def http_date(told: str) -> datetime | None:
    """An HTTP date, or None where it is none."""
    try:
        found = parsedate_to_datetime(told)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
