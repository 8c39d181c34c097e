"""The documents of what operators look at and do."""

from __future__ import annotations

from pydantic import BaseModel, Field

from serving.http.models import DayText, Instant, Money, ReconciliationShort, SourceFreshness, SourceState


class PositionLine(BaseModel):
    """How far a job has come in one partition."""

    path: str
    topic: str
    partition: int
    committed: int
    log_end: int
    lag_records: int
    seen_through: Instant | None
    lag_seconds: float | None
    measured_at: Instant


class FreshnessAnswer(BaseModel):
    """How far every job has come."""

    data: list[PositionLine]
    topics: list[SourceFreshness]
    sources: list[SourceState]
    reconciliation: ReconciliationShort | None
    answered_at: Instant


class PublicationLine(BaseModel):
    """A version that was published."""

    version: int
    boundary: Instant
    versions: list[int]
    rankings: list[str]
    published_at: Instant | None
    times: int = Field(description="how often it was published: more than once after a rollback to it")
    current: bool
    href: str


class PublicationList(BaseModel):
    """Versions, the newest first."""

    data: list[PublicationLine]
    next: str | None


class PublicationAnswer(PublicationLine):
    """A version with its certificate."""

    status: str | None
    through: Instant | None
    base_version: int | None = Field(description="the version that this one is a difference to")
    started_at: Instant | None
    finished_at: Instant | None
    certificate: dict[str, object] | None = Field(description="null if the ledger has no row of it")


class DriftSummary(BaseModel):
    """The drift of a ranking in one currency for one cause."""

    ranking: str
    currency: str
    cause: str
    sums: int
    amount: Money
    sales: int


class DriftLine(BaseModel):
    """A sum that live and history disagree about."""

    ranking: str
    business_day: DayText
    currency: str
    subject: dict[str, str]
    live_amount: Money
    reconciled_amount: Money
    live_sales: int
    reconciled_sales: int
    cause: str


class DriftList(BaseModel):
    """The drift of a version, the greatest first."""

    version: int | None
    summary: list[DriftSummary]
    data: list[DriftLine]
    next: str | None


class QuarantineLine(BaseModel):
    """A record that the contract refuses."""

    id: str
    source: str
    sale_id: str
    hops: list[str]
    topic: str
    at: str
    log_time: Instant
    field: str
    reason: str
    key: str
    payload: str
    first_seen: Instant
    last_seen: Instant
    times: int
    state: str


class QuarantineList(BaseModel):
    """What is in quarantine, the newest first."""

    data: list[QuarantineLine]
    next: str | None


class AuditLine(BaseModel):
    """What an operator did."""

    at: Instant
    request_id: str
    who: str
    action: str
    target: str
    outcome: str
    detail: str


class AuditList(BaseModel):
    """Operator calls, the newest first."""

    data: list[AuditLine]
    next: str | None


class Done(BaseModel):
    """An operation that was done."""

    action: str
    target: str
    said: str
