"""What a source over REST is defined by."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import HttpUrl

from streaming.sources.definition import Source


class RestSource(Source):
    """A service whose pages of JSON hold sales.

    Attributes:
        url: where the first page is.
    """

    kind: Literal["rest"]
    url: HttpUrl

    own_topic: ClassVar[str] = "events.rest"

    @property
    def origin(self) -> tuple[str, str]:
        """The address."""
        return "http", str(self.url)
