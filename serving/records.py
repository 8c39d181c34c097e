"""What is read beside the answers: versions, drift, quarantine, positions, reasons, operator calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from serving.found import Publication

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Published:
    """A version that was published, and how often: more than once after a rollback to it."""

    publication: Publication
    times: int


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A sum that the live path and the recomputed history disagree about; amounts have two digits behind the point."""

    ranking: str
    business_day: date
    currency: str
    subject: tuple[str, ...]
    live_amount: Decimal
    reconciled_amount: Decimal
    live_sales: int
    reconciled_sales: int
    cause: str


@dataclass(frozen=True, slots=True)
class DriftSum:
    """How many sums of a ranking drifted in one currency for one cause, and by how much without signs."""

    ranking: str
    currency: str
    cause: str
    sums: int
    amount: Decimal
    sales: int


@dataclass(frozen=True, slots=True)
class Drift:
    """One page of a version's drift, greatest first, and the whole of it in short."""

    sums: tuple[DriftSum, ...]
    rows: tuple[DriftRow, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records of the quarantine; empty text means all."""

    topic: str = ""
    state: str = ""
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A record in quarantine; bytes of key and payload that are not UTF-8 are shown as U+FFFD.

    Attributes:
        id: its name for ever.
        hops: who refused it.
        at: where it stands in its source, for people.
        times: how many times it was refused.
        state: open, replayed, discarded or superseded (a later good record told the same sale).
    """

    id: str
    source: str
    sale_id: str
    hops: tuple[str, ...]
    topic: str
    at: str
    log_time: datetime
    field: str
    reason: str
    key: str
    payload: str
    first_seen: datetime
    last_seen: datetime
    times: int
    state: str


@dataclass(frozen=True, slots=True)
class Position:
    """How far a job has come in one partition: everything below `committed` has arrived where it writes."""

    path: str
    topic: str
    partition: int
    committed: int
    log_end: int
    seen_through: datetime
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class DayPart:
    """What one business day gives to a number: from history, and live."""

    business_day: date
    reconciled_amount: Decimal
    reconciled_sales: int
    live_amount: Decimal
    live_sales: int


@dataclass(frozen=True, slots=True)
class DeltaPart:
    """What the log brought to a number within one second of log time: `records` changes of sales."""

    second: datetime
    business_day: date
    amount: Decimal
    sales: int
    records: int


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a number is what it is: its business days, and its newest live changes."""

    days: tuple[DayPart, ...]
    deltas: tuple[DeltaPart, ...]


@dataclass(frozen=True, slots=True)
class SaleSeen:
    """A sale as the lake has it, with the position of the record that told it."""

    source: str
    sale_id: str
    occurred_at: datetime
    country: str
    city: str
    salesman_id: str
    salesman: str | None
    amount: Decimal
    currency: str
    topic: str
    partition: int
    offset: int
    log_time: datetime


class Happened(StrEnum):
    """What a record of the log did to a sale, as a subject's figures see it."""

    CAME = "came"
    CHANGED = "changed"
    MOVED_AWAY = "moved away"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class SaleChange(SaleSeen):
    """What a record changed in a subject's figures, by one sale; the position is the record's.

    The sale is as it counts there; one that went, as it did until then. What it was before the record may not be known:
    then the last three are None.

    Attributes:
        happened: what the record did.
        amount_change: by what it changed the sum; the sum of all is the sum of the live deltas.
        sales_change: likewise the number of sales: 1, 0 or -1.
    """

    happened: Happened | None
    amount_change: Decimal | None
    sales_change: int | None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A reconciliation as the ledger has it: status is running, held (its drift was too great), published or failed."""

    version: int
    through: datetime
    versions: tuple[int, ...]
    status: str
    started_at: datetime
    finished_at: datetime | None
    certificate: Json
    error: str | None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run of the reconciliation ended, or was interrupted.

    Attributes:
        version: its number in the ledger.
        at: when it ended (UTC); of one that was interrupted, when it began.
        status: as in the ledger: published; failed, held, or running where it was interrupted and can be taken up.
        reason: why it came to nothing, or None.
    """

    version: int
    at: datetime
    status: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class NightEnd:
    """How the night's work ended: what was missed reconciled, lake and stores cared for.

    Attributes:
        at: when it ended (UTC); of one that was killed, when it began.
        versions: what it published.
        reason: why it came to nothing, or None if all was done.
    """

    at: datetime
    versions: tuple[int, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How the runs and the nights ended; a night can fail before it has a run, or after that has published.

    Attributes:
        last_success: the last run that published.
        last_failure: the last that did not.
        failed_since: how many did not since the last that did.
        last_night: the last night that has ended.
        nights_failed: how many came to nothing since the last whose work was done.
    """

    last_success: RunEnd | None
    last_failure: RunEnd | None
    failed_since: int
    last_night: NightEnd | None = None
    nights_failed: int = 0


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """One line of the audit log.

    Attributes:
        at: when it began (UTC).
        request_id: under which the other logs know it.
        who: the key or the bearer.
        action: such as `publications.publish`.
        target: what it was about.
        outcome: `begun`, `done` or `failed`.
        detail: what the operation said.
    """

    at: datetime
    request_id: str
    who: str
    action: str
    target: str
    outcome: str
    detail: str = ""
