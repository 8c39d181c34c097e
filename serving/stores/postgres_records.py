"""PostgreSQL: the ledger of reconciliations, and the audit log of operator calls."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from serving.records import LedgerRow, NightEnd, OperatorCall, Reconciliation, RunEnd
from serving.stores.postgres import Postgres


class PostgresLedger:
    """Reads the ledger."""

    def __init__(self, database: Postgres) -> None:
        self._database = database

    def row(self, version: int) -> LedgerRow | None:
        """The ledger's row of a version, with its certificate."""
        for number, through, chain, status, started, finished, certificate, error in self._database.rows(
            "ledger_row", {"version": version}
        ):
            return LedgerRow(
                number, _utc(through), tuple(chain), status, _utc(started), _utc(finished) if finished else None,
                certificate, error,
            )  # fmt: skip
        return None

    def reconciliation(self) -> Reconciliation:
        """How the runs and the nights ended."""
        ends: dict[bool, RunEnd] = {}
        failed_since = 0
        for well, version, at, status, error, failed in self._database.rows("reconciliation"):
            ends[well] = RunEnd(version, _utc(at), status, error)
            failed_since = int(failed)
        night, nights_failed = self._nights()
        return Reconciliation(ends.get(True), ends.get(False), failed_since, night, nights_failed)

    def _nights(self) -> tuple[NightEnd | None, int]:
        """The last one, and how many came to nothing since the last that did not."""
        for at, versions, error, failed in self._database.rows("nights"):
            return NightEnd(_utc(at), tuple(versions), error), int(failed)
        return None, 0


class PostgresAudit:
    """Writes and reads the audit log."""

    def __init__(self, database: Postgres) -> None:
        self._database = database

    def write(self, call: OperatorCall) -> None:
        """Adds a line."""
        self._database.rows("write_audit", asdict(call))

    def read(self, before: datetime, limit: int) -> tuple[OperatorCall, ...]:
        """Lines before a moment, the newest first."""
        rows = self._database.rows("read_audit", {"before": before, "limit": limit})
        return tuple(OperatorCall(_utc(at), *rest) for at, *rest in rows)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
