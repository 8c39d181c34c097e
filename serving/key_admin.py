"""API keys as operators keep them: made, listed, ended, replaced. Each change is a line of the audit log."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runtime.errors import Permanent
from serving.keys import SCOPES, create_key, key_id
from serving.records import OperatorCall
from serving.stores.postgres import statement

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812  (it is a class)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What is known of a key: its beginning, for whom it is, what it may do, and until when (UTC)."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


class KeyAdmin:
    """Changes keys in one transaction each; the caller commits.

    Args:
        connection: to the platform's database.
        who: for the audit log; without it the user of this process.
    """

    def __init__(self, connection: Connection, who: str = "") -> None:
        self._connection = connection
        self._who = who or f"user:{getpass.getuser()}"

    def create(self, name: str, scopes: Sequence[str], expires_at: datetime | None) -> str:
        """A new key; nobody can see it a second time.

        Raises:
            Permanent: a scope is not known, or the key would have ended already.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise Permanent("a key needs scopes that there are", received=", ".join(unknown), valid=", ".join(SCOPES))
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise Permanent(
                "a key that has expired is of no use", received=expires_at.isoformat(), valid="a later time"
            )
        made = create_key(self._connection, name, sorted(set(scopes)), expires_at)
        self._audit("keys.create", key_id(made), f"for {name}: {', '.join(sorted(set(scopes)))}")
        return made

    def all(self) -> tuple[KnownKey, ...]:
        """All keys, the oldest first."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement("list_api_keys"))
            return tuple(KnownKey(each[0], each[1], tuple(each[2]), *each[3:]) for each in cursor.fetchall())

    def expire(self, name: str, at: datetime) -> datetime:
        """From when on a key is refused: that moment, or earlier if it had been said before.

        Raises:
            Permanent: there is no valid key of that id.
        """
        expires_at = self._end(name, at)[2]
        self._audit("keys.expire", name, expires_at.isoformat())
        return expires_at

    def revoke(self, name: str) -> None:
        """Takes a key back for ever.

        Raises:
            Permanent: there is no such key, or it has been taken back before.
        """
        with self._connection.cursor() as cursor:
            cursor.execute(statement("revoke_api_key"), {"key_id": name})
            if cursor.fetchone() is None:
                raise _no_such(name, "not revoked yet")
        self._audit("keys.revoke", name, "")

    def rotate(self, name: str, grace: timedelta) -> str:
        """A new key for the same caller with the same scopes; the old one is refused after the grace time.

        Raises:
            Permanent: there is no valid key of that id.
        """
        now = datetime.now(UTC)
        caller, scopes, _ = self._end(name, now + grace)
        made = create_key(self._connection, caller, scopes, None)
        self._audit("keys.rotate", name, f"its place takes {key_id(made)}; ends {(now + grace).isoformat()}")
        return made

    def _end(self, name: str, at: datetime) -> tuple[str, list[str], datetime]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement("expire_api_key"), {"key_id": name, "at": at})
            found = cursor.fetchone()
        if found is None:
            raise _no_such(name, "neither revoked nor expired")
        return found[0], found[1], found[2].astimezone(UTC)

    def _audit(self, action: str, target: str, detail: str) -> None:
        call = OperatorCall(datetime.now(UTC), "", self._who, action, target, "done", detail)
        with self._connection.cursor() as cursor:
            cursor.execute(statement("write_audit"), asdict(call))


def _no_such(name: str, state: str) -> Permanent:
    return Permanent("there is no such key", received=name, valid=f"the id of a key that is {state}",
                     todo="`tidelake keys list` shows them")  # fmt: skip
