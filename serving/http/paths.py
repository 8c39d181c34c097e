"""Parts of addresses. What is behind them is looked up, not validated: what is not there is 404."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Named(BaseModel):
    """A ranking's address."""

    name: str = Field(description="the name of a ranking, such as top-sales-per-city")


class VersionPath(BaseModel):
    """A publication's address."""

    version: int = Field(ge=1, le=2**31 - 1, description="the number of a version that was published")


class EvidencePath(BaseModel):
    """The address of an answer's evidence."""

    evidence_id: str = Field(description="as the answer's evidence links to it")


class RecordPath(BaseModel):
    """The address of a record in quarantine."""

    record_id: str = Field(description="its `id`, as GET /v1/quarantine lists it")
