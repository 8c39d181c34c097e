"""How reconciliations and nights ended, as every answer tells it: an answer never waits for it twice."""

from __future__ import annotations

import structlog

from serving.ports import Clock, Ledger, StoreFailed
from serving.records import Reconciliation
from serving.ticks import Remembered

TICK_MS = 5000
"""How long it is remembered, its absence too."""


class Reconciliations:
    """Asks the ledger now and then.

    Args:
        ledger: knows it.
        clock: tells the time.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._seen = Remembered(self._read, TICK_MS, clock)

    def now(self) -> Reconciliation | None:
        """How they ended, or None while the ledger does not tell it."""
        return self._seen.get()

    def _read(self) -> Reconciliation | None:
        try:
            return self._ledger.reconciliation()
        except StoreFailed as error:
            structlog.get_logger().warning("it is not known how the reconciliations ended", reason=error.wrong)
            return None
