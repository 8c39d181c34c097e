"""The parts of a REST source's definition: paging, credentials, what is new since the last reading, and limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, model_validator

from streaming.sources.definition import Secret
from streaming.sources.fields import Part
from streaming.sources.rest.paths import JsonPath

ParamName = Annotated[str, Field(min_length=1, max_length=200)]


class NoPaging(Part):
    """One answer holds everything."""

    kind: Literal["none"] = "none"


class CursorPaging(Part):
    """Each answer tells the cursor of the next page.

    Attributes:
        next: where the cursor lies in the answer; none there ends the reading.
        param: the parameter that takes it.
        more: where a boolean lies that says whether there is another page; without it only the cursor says so.
        lasting: the cursor leads through an endless feed of changes, and the next reading goes on from the last one.
    """

    kind: Literal["cursor"]
    next: JsonPath
    param: ParamName
    more: JsonPath | None = None
    lasting: bool = False


class NextUrlPaging(Part):
    """Each answer tells the address of the next page in its body.

    Attributes:
        next: where the address lies in the answer; none there ends the reading.
    """

    kind: Literal["next_url"]
    next: JsonPath


class LinkPaging(Part):
    """Each answer tells the next page in a `Link` header of relation `next` (RFC 8288)."""

    kind: Literal["link"]


class NumberedPaging(Part):
    """Pages are asked for by a number; the reading ends with an empty page, as a service may give fewer than asked.

    Attributes:
        param: the parameter that takes the number.
        first: the number of the first page, or the first offset.
        size_param: the parameter that takes how many records a page shall hold.
        size: how many.
        more: where a boolean lies that says whether there is another page.
        end_statuses: HTTP statuses by which this service answers behind the last page.
    """

    param: ParamName
    first: int = Field(1, ge=0)
    size_param: ParamName | None = None
    size: int | None = Field(None, ge=1)
    more: JsonPath | None = None
    end_statuses: tuple[Literal[404, 416], ...] = ()

    @model_validator(mode="after")
    def _size_and_its_name(self) -> NumberedPaging:
        if (self.size is None) != (self.size_param is None):
            raise ValueError("valid: both or none of size and size_param")
        return self


class PagePaging(NumberedPaging):
    """The number counts pages."""

    kind: Literal["page"]


class OffsetPaging(NumberedPaging):
    """The number counts records: where the page begins."""

    kind: Literal["offset"]
    first: int = Field(0, ge=0)


Paging = Annotated[
    NoPaging | CursorPaging | NextUrlPaging | LinkPaging | PagePaging | OffsetPaging, Field(discriminator="kind")
]


class ApiKey(Part):
    """A key in a header or in a parameter.

    Attributes:
        header: the header's name.
        query: the parameter's name; exactly one of the two.
        key: the key.
    """

    kind: Literal["api_key"]
    header: str | None = Field(None, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    query: ParamName | None = None
    key: Secret

    @model_validator(mode="after")
    def _one_place(self) -> ApiKey:
        if (self.header is None) == (self.query is None):
            raise ValueError("valid: exactly one of header and query")
        return self


class Basic(Part):
    """User and password (RFC 7617)."""

    kind: Literal["basic"]
    user: str = Field(pattern=r"^[^:\x00-\x1f\x7f]+$")
    password: Secret


class Bearer(Part):
    """A token that does not change."""

    kind: Literal["bearer"]
    token: Secret


class OAuth2(Part):
    """OAuth 2.0 client credentials (RFC 6749, 4.4).

    Attributes:
        token_url: the token endpoint; its host is allowed for this alone.
        client_id: who asks.
        client_secret: its secret.
        scope: scopes, separated by spaces.
        audience: sent as `audience` where the service wants it.
        client_auth: whether id and secret are sent as basic authentication or in the form.
    """

    kind: Literal["oauth2"]
    token_url: HttpUrl
    client_id: str = Field(min_length=1)
    client_secret: Secret
    scope: str | None = None
    audience: str | None = None
    client_auth: Literal["header", "form"] = "header"


Auth = Annotated[ApiKey | Basic | Bearer | OAuth2, Field(discriminator="kind")]


class Since(Part):
    """Only what has changed is asked for: a parameter takes the highest time or number that has been read.

    Attributes:
        param: the parameter.
        field: where the record tells its time or number of change.
        form: how both are written; a time without a zone is UTC.
        start: the parameter in the first reading; without it the first reading asks for everything.
        overlap: how much is asked for again each time, as records may become visible late: seconds, or numbers.
    """

    param: ParamName
    field: JsonPath
    form: Literal["iso", "epoch_seconds", "epoch_ms", "number"] = "iso"
    start: str | None = None
    overlap: Decimal = Field(Decimal(300), ge=0, le=10**12)


class Limits(Part):
    """What a service may not exceed, and what is not done to it.

    Attributes:
        answer_bytes: largest answer, compressed or not.
        request_seconds: longest time from the first byte sent to the last received.
        reading_seconds: longest reading; the next one goes on where it ended.
        requests_per_second: most requests; any number unless told.
        attempts: how often a request is tried before the source counts as away.
        wait_seconds: longest wait between two attempts; a service that asks for a longer one counts as away.
        pages: most pages of one reading.
        redirects: most redirects of one request.
        batch_rows: most records that are published together.
        remembered: most records whose content is remembered, so that what is read again unchanged is not published.
    """

    answer_bytes: int = Field(32 * 2**20, ge=1)
    request_seconds: float = Field(60.0, gt=0)
    reading_seconds: float = Field(6 * 3600.0, gt=0)
    requests_per_second: float | None = Field(None, gt=0)
    attempts: int = Field(5, ge=1)
    wait_seconds: float = Field(120.0, ge=0)
    pages: int = Field(100_000, ge=1)
    redirects: int = Field(5, ge=0)
    batch_rows: int = Field(5_000, ge=1, le=10_000)
    remembered: int = Field(100_000, ge=0)
