"""What the answer needs from outside: `stores/` and `cache` have the real ones, `stores/memory` doubles for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rankings.ranking import Label
from runtime.errors import Retryable
from serving.asked import Asked
from serving.found import Publication, Ranked, Standing

Clock = Callable[[], datetime]
"""Tells the time, aware, UTC."""


class StoreFailed(Retryable):
    """A store gave no figures; it may the next time."""


class StoreAway(StoreFailed):
    """It did not answer at all."""


class StoreRefused(StoreFailed):
    """It answered with an error: its tables are missing, or it is overloaded."""


class Deltas(Protocol):
    """The store that holds all deltas. Every method raises StoreFailed if there are no figures."""

    def publication(self) -> Publication | None:
        """The publication that answers are pinned to, or None before the first."""

    def standing(self) -> Standing:
        """Publication, progress and quarantine."""

    def ranked(self, asked: Asked, publication: Publication | None) -> Ranked:
        """The figures, pinned to that publication; without one, all that the live job has kept."""

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """The names that are known of these keys."""


class Totals(Protocol):
    """The store that outlives the other: reconciled totals alone. Every method raises StoreFailed likewise."""

    def published(self) -> Publication | None:
        """The version last published, or None before the first."""

    def ranked(self, asked: Asked, publication: Publication) -> Ranked:
        """The figures of that version."""

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """The names that are known of these keys."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of an API key; never the key itself.

    Attributes:
        key_id: how logs name it.
        hash: SHA-256 of the key, 32 bytes.
        scopes: what it may do, such as `read`.
        expires_at: from when on it is refused (UTC), or None for never.
        revoked: whether it has been taken back.
    """

    key_id: str
    hash: bytes
    scopes: tuple[str, ...]
    expires_at: datetime | None = None
    revoked: bool = False


class Keys(Protocol):
    """Where the hashes of API keys are kept."""

    def find(self, key_hash: bytes) -> ApiKey | None:
        """The key of that SHA-256, expired and revoked ones too. Raises StoreFailed if there is no answer."""


class Cache(Protocol):
    """Keeps answers for a while. No method ever raises: a cache that is away holds nothing and grants every claim."""

    def get(self, key: str) -> bytes | None:
        """What was put there, if it is still there."""

    def claim(self, key: str, milliseconds: int) -> str | None:
        """A token if the caller is the one who makes the value, None if somebody else is at it."""

    def put(self, key: str, value: bytes, milliseconds: int, token: str) -> None:
        """Keeps the value that long, and gives the claim back."""

    def release(self, key: str, token: str) -> None:
        """Gives a claim back without a value."""
