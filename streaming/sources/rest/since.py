"""How far a source has been read by its own times or numbers of change, and what is asked for next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from streaming.sources.rest.parts import Since
from streaming.sources.rest.paths import at, steps

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"epoch_seconds": Decimal(1), "epoch_ms": Decimal(1000)}
LARGEST = Decimal(10) ** 27
"""Up to here decimal arithmetic is exact."""


class Window:
    """The highest time or number of change of a reading.

    Args:
        since: the definition's part.
        high: what was reached before, as `reached` gave it.
        now: when the reading begins; a record from the future does not move the next reading there.
    """

    def __init__(self, since: Since, high: str | None, now: datetime) -> None:
        self._since, self._way = since, steps(since.field)
        self._high = None if high is None else Decimal(high)
        self._latest = LARGEST if since.form == "number" else _seconds(now)
        self.records, self.seen = 0, 0

    def see(self, fields: Mapping[str, Any]) -> None:
        """Takes one record into account."""
        self.records += 1
        change = read(self._since.form, at(fields, self._way))
        if change is None:
            return
        self.seen += 1
        reached = min(change, self._latest)
        self._high = reached if self._high is None else max(self._high, reached)

    @property
    def reached(self) -> str | None:
        """The highest so far: seconds since 1970, or the number."""
        return None if self._high is None else str(self._high)


def asked(since: Since, reached: str | None) -> str | None:
    """What the parameter takes: what was reached less the overlap; None where it is not sent.

    >>> asked(Since(param="since", field="at", overlap=Decimal(60)), "1767225600.5")
    '2025-12-31T23:59:00.500000Z'
    """
    if reached is None:
        return since.start
    begins = Decimal(reached) - since.overlap
    if since.form == "iso":
        moment = EPOCH + timedelta(microseconds=int(max(begins, Decimal(0)) * 1_000_000))
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if since.form == "number":
        return format(begins.normalize(), "f")
    return str(int(begins * UNITS[since.form] // 1))


def read(form: str, value: Any) -> Decimal | None:
    """A record's time in seconds since 1970, or its number; None where it has none that can be read.

    >>> read("iso", "1970-01-01T01:00:00.25+01:00"), read("epoch_ms", 1500), read("iso", "soon")
    (Decimal('0.25'), Decimal('1.5'), None)
    """
    try:
        if form == "iso":
            moment = datetime.fromisoformat(value)
            return _seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        number = Decimal(value) / UNITS.get(form, Decimal(1))
    except (TypeError, ValueError, InvalidOperation):
        return None
    return number if number.is_finite() and abs(number) < LARGEST and not isinstance(value, bool) else None


def _seconds(moment: datetime) -> Decimal:
    return Decimal((moment - EPOCH) // timedelta(microseconds=1)) / 1_000_000
