"""API keys: the database keeps SHA-256 alone, and the API looks each key up every few seconds."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from serving.flights import Flights
from serving.ports import ApiKey, Clock, Keys, StoreFailed
from serving.ticks import utc_now

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)

PREFIX = "tl_"
READ, OPERATE = "read", "operate"
"""The scopes: to ask for answers, and to do what changes them."""

SCOPES = (READ, OPERATE)

LONGEST = 200


def key_hash(key: str) -> bytes:
    """What the database keeps of a key. Keys are random, 256 bits long: a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).digest()


def create_key(
    connection: Connection, name: str, scopes: Sequence[str] = (READ,), expires_at: datetime | None = None
) -> str:
    """Makes a key, keeps its hash, and returns the key itself: nobody can see it a second time.

    Args:
        connection: to the platform's database; the caller commits.
        name: for whom it is.
        scopes: what it may do.
        expires_at: from when on it is refused (aware), or None for never.
    """
    key = new_key()
    keep_key(connection, key, name, scopes, expires_at)
    return key


def new_key() -> str:
    """A key that no store knows yet."""
    return PREFIX + secrets.token_urlsafe(32)


def keep_key(
    connection: Connection, key: str, name: str, scopes: Sequence[str] = (READ,), expires_at: datetime | None = None
) -> None:
    """Makes sure that a key's hash is kept; the arguments are those of `create_key`."""
    from serving.stores.postgres import statement

    values = {
        "key_id": key_id(key),
        "name": name,
        "hash": key_hash(key),
        "scopes": list(scopes),
        "expires_at": expires_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement("create_api_key"), values)


def key_id(key: str) -> str:
    """How logs and operators name a key: its beginning, which gives too little away to guess the rest.

    >>> key_id("tl_abcdefghijklmnop")
    'tl_abcdefgh'
    """
    return key[: len(PREFIX) + 8]


@dataclass(frozen=True, slots=True)
class _Seen:
    key: ApiKey
    at: float


class KeyRing:
    """Who may call. A key that was found is trusted for a while without asking, and for a bounded while if it cannot be
    looked up; a key that was never found is refused whenever it cannot be looked up.

    Args:
        keys: where the hashes are kept.
        recheck_seconds: how long a key is trusted without asking: a revoked one is refused after that.
        grace_seconds: how long it is trusted while the database is away.
        clock: tells the time, for keys that expire.
        seconds: monotonic seconds.
    """

    def __init__(
        self,
        keys: Keys,
        recheck_seconds: float,
        grace_seconds: float,
        clock: Clock = utc_now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys, self._recheck, self._grace = keys, recheck_seconds, grace_seconds
        self._clock, self._seconds = clock, seconds
        self._seen: dict[bytes, _Seen] = {}
        self._flights = Flights[ApiKey | None]()

    def holder(self, key: str) -> ApiKey | None:
        """What is known of a key, or None if it is unknown, revoked or expired.

        Raises:
            StoreFailed: the database is away, and the key has not been looked up lately.
        """
        if len(key) > LONGEST:
            return None
        wanted = key_hash(key)
        known = self._known(wanted)
        if known is None or not hmac.compare_digest(known.hash, wanted) or known.revoked:
            return None
        expired = known.expires_at is not None and known.expires_at <= self._clock()
        return None if expired else known

    def _known(self, wanted: bytes) -> ApiKey | None:
        seen = self._seen.get(wanted)
        if seen and self._seconds() - seen.at < self._recheck:
            return seen.key
        try:
            return self._flights.run(wanted.hex(), lambda: self._look_up(wanted))
        except StoreFailed:
            if seen and self._seconds() - seen.at < self._grace:
                return seen.key
            raise

    def _look_up(self, wanted: bytes) -> ApiKey | None:
        found = self._keys.find(wanted)
        if found is None:
            self._seen.pop(wanted, None)
        else:
            self._seen[wanted] = _Seen(found, self._seconds())
        return found
