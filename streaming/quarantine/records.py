"""What is known of a record in quarantine, and of what was done with it."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH = datetime.fromtimestamp(0, UTC)

STATES = ("open", "replayed", "discarded", "superseded")
"""What a record in quarantine can be: all but the first are closed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record in quarantine; its attributes are the columns of `quarantine_records` in ClickHouse."""

    id: str
    source: str
    sale_id: str
    hops: tuple[str, ...]
    topic: str
    partition: int
    offset: int
    at: str
    log_time: datetime
    field: str
    reason: str
    key: bytes
    payload: bytes
    fields: str
    first_seen: datetime
    last_seen: datetime
    times: int
    order_time: datetime
    state: str

    @property
    def in_log(self) -> bool:
        """Whether the log has it: the stream or the batch refused it then, and not its source's reader."""
        return self.hops != ("source",)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands in the log, and since when."""

    topic: str = ""
    partition: int = 0
    offset: int = 0
    log_time: datetime = EPOCH

    @property
    def id(self) -> str:
        """What the record at this position is called, should it be refused."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Event:
    """What was done with a record in quarantine.

    Attributes:
        id: the record.
        happened_at: when (UTC).
        event: `sending` (a replay that has begun), `replayed`, `unsent` (that replay did not come to the log),
            `refused` (a replay that was refused before it was sent), `discarded`, or `superseded`.
        who: who did it.
        why: the reason given, or what was wrong this time.
        to: the position of the replayed, or of the superseding record.
        payload: what was sent or refused.
    """

    id: str
    happened_at: datetime
    event: str
    who: str
    why: str
    to: Position = Position()
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Open:
    """A record that is open in quarantine, and the place that a good record of its sale has to stand behind.

    Attributes:
        in_log: whether the log has it at that position; it is otherwise behind all that the log took by `order_time`.
    """

    id: str
    topic: str
    partition: int
    offset: int
    order_time: datetime
    in_log: bool

    def is_before(self, at: Position) -> bool:
        """Whether the log took what stands there later."""
        if self.in_log and (self.topic, self.partition) == (at.topic, at.partition):
            return at.offset > self.offset
        return at.log_time > self.order_time


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are asked for; what is empty restricts nothing."""

    state: str = "open"
    source: str = ""
    topic: str = ""
    hop: str = ""
    field: str = ""


def this_person() -> str:
    """Who runs this process, as the history names people."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
