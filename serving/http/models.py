"""The documents that callers get, as the reference and generated clients know them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serving.records import Happened

Money = Annotated[str, Field(pattern=r"^-?[0-9]+\.[0-9]{2}$", description="an exact decimal string")]
Share = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="from 0 to 1, as a decimal string")]
Instant = Annotated[str, Field(description="a UTC time in ISO 8601 with Z", json_schema_extra={"format": "date-time"})]
DayText = Annotated[str, Field(description="a business day", json_schema_extra={"format": "date"})]


class Line(BaseModel):
    """A subject with its rank: beside these its own columns, and names where they are known."""

    model_config = ConfigDict(extra="allow")

    rank: int | None = Field(description="from 1; null in a comparison if there is nothing in the period")
    amount: Money
    sales: int
    country: str | None = None
    city: str | None = None
    salesman_id: str | None = None
    salesman: str | None = None


class BeforeLine(BaseModel):
    """The figures of the other period; the rank is null if there is nothing in it."""

    rank: int | None
    amount: Money
    sales: int


class ComparedLine(Line):
    """A subject in two periods."""

    before: BeforeLine
    amount_change: Money
    rank_change: int | None = Field(description="places won since the other period; null if it was not ranked in both")


class PublicationShort(BaseModel):
    """The reconciliation that the answer is pinned to."""

    version: int
    boundary: Instant
    published_at: Instant | None


class SourceFreshness(BaseModel):
    """How far a source has been read: everything before `seen_through` is in the answer."""

    topic: str
    seen_through: Instant | None
    lag_seconds: float | None
    lag_records: int


class SourceState(BaseModel):
    """How a source fares: running, waiting, retrying, stopped, or unknown where nothing has told yet."""

    name: str
    kind: str
    topic: str
    state: str
    last_read_at: Instant | None = Field(description="when a reading last came to its end, where it is read so")
    lag_seconds: float | None = Field(description="how long ago that was")
    last_error: str | None = Field(description="why it is retrying or stopped")
    measured_at: Instant


class RunEnd(BaseModel):
    """How a run of the reconciliation ended; `at` is when it began if it was interrupted."""

    version: int
    at: Instant
    status: str
    reason: str | None


class NightEnd(BaseModel):
    """How the night's work ended; `at` is when it began if it was killed."""

    at: Instant
    versions: list[int] = Field(description="what it published")
    reason: str | None = Field(description="why it came to nothing; null if all was done")


class ReconciliationShort(BaseModel):
    """How the runs of the reconciliation ended, and the nights, which can fail before or after their run."""

    last_success: RunEnd | None
    last_failure: RunEnd | None
    failed_since: int = Field(description="runs that came to nothing since the last success")
    last_night: NightEnd | None
    nights_failed: int = Field(description="nights that came to nothing since the last whose work was done")


class QuarantineShort(BaseModel):
    """How many records broke the contract."""

    total: int
    by_topic: dict[str, int]
    missing_sales: int
    missing_by_source: dict[str, int]


class Evidence(BaseModel):
    """What the answer rests on, and what it lacks."""

    store: str = Field(description="clickhouse, or postgresql while that is away")
    publication: PublicationShort | None
    boundary: Instant | None
    live_share: Share
    freshness: list[SourceFreshness]
    sources: list[SourceState] | None = Field(description="null if it is not known")
    reconciliation: ReconciliationShort | None = Field(description="null while PostgreSQL is away")
    quarantine: QuarantineShort | None
    partial: bool
    partial_because: list[str]
    answered_at: Instant
    cached: bool
    link: str = Field(description="where this evidence can be read again")


class Asked(BaseModel):
    """The question, as it was understood."""

    ranking: str
    title: str
    view: str
    currency: str
    country: str | None
    first_day: DayText | None = Field(alias="from")
    last_day: DayText | None = Field(alias="to")
    limit: int


class RankingAnswer(Asked):
    """A ranking."""

    data: list[Line]
    next: str | None = Field(description="the cursor of the next page; null on the last")
    evidence: Evidence


class StreamedEvent(BaseModel):
    """Events named `snapshot` (a whole answer) and `change`: what follows is the data of a change."""

    ranking: str
    changed: list[Line]
    gone: list[dict[str, str]]
    evidence: Evidence


class PeriodLine(Line):
    """A subject in one period."""

    period: DayText


class OverTimeAnswer(Asked):
    """A ranking by period; `period` is the first day of each."""

    step: str
    data: list[PeriodLine]
    evidence: Evidence


class ComparisonAnswer(Asked):
    """A ranking, and what it was in another period."""

    against_from: DayText
    against_to: DayText
    data: list[ComparedLine]
    evidence: Evidence


class SubjectAnswer(Asked):
    """One subject: its rank among all, and its ranks by period."""

    subject: dict[str, str]
    step: str
    standing: Line | None = Field(description="null if it has no sales")
    data: list[PeriodLine]
    evidence: Evidence


class WhyDay(BaseModel):
    """What a business day gives."""

    business_day: DayText
    reconciled_amount: Money
    reconciled_sales: int
    live_amount: Money
    live_sales: int


class WhyDelta(BaseModel):
    """What one log second brought."""

    second: Instant
    business_day: DayText
    amount: Money
    sales: int
    records: int


class WhySale(BaseModel):
    """A sale, with the position of the record that told it."""

    source: str
    sale_id: str
    occurred_at: Instant
    country: str
    city: str
    salesman_id: str
    salesman: str | None
    amount: Money
    currency: str
    topic: str
    partition: int
    offset: int
    log_time: Instant


class WhyChange(WhySale):
    """What a record of the log changed in the subject's figures, by one sale."""

    happened: Happened | None = Field(
        description="to the sale, as the subject sees it; null if it is not known what the sale was before"
    )
    amount_change: Money | None = Field(description="by what it changed the amount; null likewise")
    sales_change: int | None = Field(description="by what it changed the number of sales; null likewise")


class WhyAnswer(Asked):
    """Why a number is what it is."""

    subject: dict[str, str]
    standing: Line | None
    days: list[WhyDay]
    deltas: list[WhyDelta] = Field(description="the newest live changes")
    sales: list[WhySale] | None = Field(description="the greatest of history; null if the lake cannot be read")
    sales_missing: str | None = Field(description="why there are none")
    live_sales: list[WhyChange] | None = Field(
        description="the records behind `deltas`, newest first, as far as the lake has them: sales that came, changed, "
        "moved away or were deleted, the latter two as they counted until then; null if the lake cannot be read"
    )
    live_sales_missing: str | None = Field(description="why there are none")
    evidence: Evidence


class EvidenceAgain(BaseModel):
    """An answer's evidence, read again at the position of the answer."""

    ranking: str
    question: dict[str, str]
    publication: PublicationShort | None
    certificate: str | None = Field(description="where the certificate of the publication is")
    live_from: Instant | None
    live_until: Instant
    store: str
    given: str = Field(description="digest of the figures that were given")
    again: str = Field(description="digest of the same figures, read again")
    same: bool
    differs_because: str | None
    data: list[Line]


class RankingDescription(BaseModel):
    """A ranking."""

    name: str
    title: str
    subject: list[str]
    within: list[str]
    measure: str
    href: str


class RankingList(BaseModel):
    """What can be asked for."""

    data: list[RankingDescription]
    parameters: dict[str, str]


class LineageDataset(BaseModel):
    """A table, topic or route."""

    id: str
    platform: str
    description: str
    columns: list[str]


class LineageFlow(BaseModel):
    """How one dataset is made out of another."""

    model_config = ConfigDict(extra="allow")

    job: str
    platform: str
    to: str
    columns: list[dict[str, str]]


class LineageAnswer(BaseModel):
    """The way of a ranking's answers back to their sources."""

    answer: str
    datasets: list[LineageDataset]
    flows: list[LineageFlow]


class ProblemDocument(BaseModel):
    """An error (RFC 9457): what was wrong, what was received, what is valid."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
