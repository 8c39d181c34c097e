"""Every source with all that is known of it: its definition, how it fares, and what of it is in quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.quarantine.store import quarantine
from streaming.sources import state
from streaming.sources.definition import Source
from streaming.sources.state import SourceState

NEVER = "not started"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source.

    Attributes:
        told: how it fares by its own account; None before it has said anything.
        missing: how many of its sales are open in quarantine; None where that is not known.
        now: when this was looked up (UTC).
    """

    source: Source
    told: SourceState | None
    missing: int | None
    now: datetime

    @property
    def state(self) -> str:
        """What it does, in one word or two."""
        if self.told is None:
            return NEVER
        return self.told.state.value if self.told.enabled else f"{self.told.state.value}, switched off"

    @property
    def lag(self) -> str:
        """How far it is behind, as its kind measures that; otherwise the time since it was last read to its end."""
        if self.told is None:
            return ""
        own = {name: value for name, value in self.told.detail.items() if name.startswith("lag")}
        if own:
            return ", ".join(f"{_measure(name, value)}" for name, value in own.items())
        if self.told.last_read_at is None:
            return ""
        return f"{(self.now - self.told.last_read_at).total_seconds():,.0f} s"


def _measure(name: str, value: object) -> str:
    shown = f"{value:,}" if isinstance(value, int | float) else str(value)
    return f"{shown} {name.removeprefix('lag').strip('_')}".strip()


def rows(chosen: Settings, defined: Iterable[Source]) -> list[SourceRow]:
    """What is known of those sources, in their order.

    Raises:
        Retryable: PostgreSQL does not answer.
    """
    told, missing, now = state.read(chosen), _missing(), datetime.now(UTC)
    return [
        SourceRow(each, told.get(each.name), None if missing is None else missing.get(each.name, 0), now)
        for each in defined
    ]


def _missing() -> Mapping[str, int] | None:
    """None where ClickHouse does not answer: the sources can be looked at without it."""
    try:
        with quarantine() as held:
            return held.missing()
    except Retryable:
        return None
