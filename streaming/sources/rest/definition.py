"""What a source over REST is defined by."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, HttpUrl, field_validator, model_validator

from streaming.sources.definition import Source
from streaming.sources.rest.parts import Auth, CursorPaging, Limits, NoPaging, OAuth2, Paging, Since
from streaming.sources.rest.paths import JsonPath
from streaming.sources.web.hosts import host_and_port, is_host
from streaming.sources.web.tls import Tls


class RestSource(Source):
    """A service whose pages of JSON hold sales.

    Attributes:
        url: where the first page is.
        hosts: hosts besides that of `url` that pages may be fetched from, each with its port unless it is the usual
            one; credentials and headers of the definition are never sent to them.
        params: parameters of every request, besides those of paging and `since`.
        headers: headers of every request; a secret belongs in `auth`.
        records: where the array of records lies in the answer; the answer itself unless told.
        content_types: what an answer may be; `application/...+json` always is right.
        paging: how the next page is found.
        since: how only changes are asked for; everything is read each time without it.
        identity: where the record tells which record it is; the field that `sale_id` is mapped from unless told.
        auth: how the service knows the caller.
        tls: whose certificates are trusted, and which one is shown.
        limits: of size, time and number.
        cron: when it is read, in cron's five fields, instead of `every_seconds`.
        time_zone: of `cron`.
    """

    kind: Literal["rest"]
    url: HttpUrl
    hosts: tuple[str, ...] = ()
    params: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    records: JsonPath = ""
    content_types: tuple[str, ...] = ("application/json",)
    paging: Paging = NoPaging()
    since: Since | None = None
    identity: JsonPath | None = None
    auth: Auth | None = None
    tls: Tls = Tls()
    limits: Limits = Limits()
    cron: str | None = None
    time_zone: str = "UTC"

    own_topic: ClassVar[str] = "events.rest"
    steady: ClassVar[bool] = False

    @field_validator("url")
    @classmethod
    def _without_user(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password:
            raise ValueError("it holds a user or a password; valid: an address without, and `auth` of kind basic")
        return url

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not is_host(host):
                raise ValueError(
                    f"received {host!r}, valid: a host such as files.example.com or files.example.com:8443"
                )
        return hosts

    @model_validator(mode="after")
    def _one_memory(self) -> RestSource:
        if isinstance(self.paging, CursorPaging) and self.paging.lasting and self.since is not None:
            raise ValueError("a lasting cursor already says where the next reading begins; valid: it, or since")
        return self

    @model_validator(mode="after")
    def _schedule_is_known(self) -> RestSource:
        if self.cron is not None:
            try:
                self.next_reading(datetime.now().astimezone())
            except KeyError:
                raise ValueError(
                    f"time_zone: received {self.time_zone!r}, valid: a name such as Europe/Berlin"
                ) from None
        return self

    @property
    def origin(self) -> tuple[str, str]:
        """The address."""
        return "http", str(self.url)

    @property
    def token_host(self) -> str | None:
        """The host and port of the token endpoint, if there is one."""
        return host_and_port(str(self.auth.token_url)) if isinstance(self.auth, OAuth2) else None

    @property
    def asked(self) -> str:
        """A digest of what is asked for: with another one, what is remembered of the position has no meaning."""
        parts = {"url", "params", "records", "paging", "since", "identity"}
        told = self.model_dump_json(include=parts, exclude={"since": {"overlap"}})
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @property
    def mapped(self) -> str:
        """A digest of how records become sales: with another one, an unchanged record may become another sale."""
        return hashlib.sha256(self.fields.model_dump_json().encode()).hexdigest()[:16]

    def next_reading(self, ended: datetime) -> datetime:
        """When the next reading begins, if the last one ended at that time (aware).

        Raises:
            ValueError: `cron` or `time_zone` is not valid.
        """
        if self.cron is None:
            return super().next_reading(ended)
        from apscheduler.triggers.cron import CronTrigger

        found: datetime | None = CronTrigger.from_crontab(self.cron, self.time_zone).get_next_fire_time(None, ended)
        if found is None:
            raise ValueError(f"cron: received {self.cron!r}, valid: five fields that some time fits")
        return found
