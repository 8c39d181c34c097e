"""What the answer needs from outside: `stores/` and `cache` have the real ones, `stores/memory` doubles for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rankings.ranking import Label
from runtime.errors import Retryable
from serving.asked import Asked
from serving.found import Kept, Publication, Ranked, Standing
from serving.records import (
    Drift,
    LedgerRow,
    OperatorCall,
    Position,
    Published,
    Reasons,
    Reconciliation,
    Refused,
    SaleChange,
    SaleSeen,
    Wanted,
)

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


class Records(Protocol):
    """What the store of deltas tells beside them. Every method raises StoreFailed if there is no answer."""

    def publications(self, before: int, limit: int) -> tuple[Published, ...]:
        """Versions less than `before`, the newest first."""

    def kept(self) -> Kept | None:
        """What is kept of older versions and live deltas; None if nothing was ever dropped."""

    def drift(self, version: int, ranking: str | None, after: int, limit: int) -> Drift:
        """A version's drift, leaving out the first `after` rows."""

    def refused(self, wanted: Wanted, after: int, limit: int) -> tuple[Refused, ...]:
        """What is in quarantine, last refused first, leaving out the first `after`."""

    def positions(self) -> tuple[Position, ...]:
        """How far every job has come in every partition."""


class Why(Protocol):
    """Tells what a number is made of. Raises StoreFailed if there is no answer."""

    def reasons(self, asked: Asked, publication: Publication | None) -> Reasons:
        """Business days and newest live deltas of the subject that is asked for, `limit` of each at most."""


class Lake(Protocol):
    """The sales behind sums. Raises StoreFailed if there is no answer."""

    def sales(self, asked: Asked, publication: Publication) -> tuple[SaleSeen, ...]:
        """The greatest sales of the subject that is asked for, as of that publication, `limit` at most."""

    def told(
        self, asked: Asked, publication: Publication | None, seconds: Sequence[datetime]
    ) -> tuple[SaleChange, ...]:
        """What records of some seconds of log time changed in the subject's figures, newest first, `limit` at most.

        Figures are live from that publication's boundary on.
        """


class Lineage(Protocol):
    """Where answers come from."""

    def of(self, ranking: str) -> dict[str, object]:
        """The way of a ranking's answers back to their sources. Raises TidelakeError if it cannot be told."""


class Ledger(Protocol):
    """The reconciliations. Raises StoreFailed if there is no answer."""

    def row(self, version: int) -> LedgerRow | None:
        """The ledger's row of a version, with its certificate."""

    def reconciliation(self) -> Reconciliation:
        """How the runs and the nights ended."""


class Audit(Protocol):
    """The audit log of operator calls. Every method raises StoreFailed if there is no answer."""

    def write(self, call: OperatorCall) -> None:
        """Adds a line."""

    def read(self, before: datetime, limit: int) -> tuple[OperatorCall, ...]:
        """Lines before a moment, the newest first."""


class Operations(Protocol):
    """What operators may have done. Each gives what the operation said, and raises TidelakeError if it failed."""

    def publish(self, version: int) -> str:
        """Pins all answers to a version that was published before: the rollback."""

    def replay(self, record_id: str, who: str) -> str:
        """Sends a record of the quarantine through the contract again."""

    def discard(self, record_id: str, who: str, why: str) -> str:
        """Closes a record of the quarantine without replaying it."""
