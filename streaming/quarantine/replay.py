"""Replays: records of the quarantine written into the topic of their source, in a transaction of the log.

Before the transaction is committed, the history says where each record is going to stand. Whoever dies in between
leaves that word; the next replay looks up whether the log took the record, and completes the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zlib import crc32

from confluent_kafka import TopicPartition

from rankings.contract import Rejected
from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.committed import is_end, reading, to_the_end
from streaming.quarantine.correct import Correction, Corrector, Ready
from streaming.quarantine.records import Event, Position, Record
from streaming.quarantine.store import Quarantine
from streaming.sources.crash import passing
from streaming.sources.definition import Source
from streaming.topics import make_topics
from streaming.transactions import SECONDS, producer, step, transaction

AT_ONCE = 1000
"""Most records of one transaction."""

BY_KEY = -1
"""As a partition: the producer chooses it by the key."""

TRANSACTIONAL_ID = "tidelake-quarantine"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a record: where the log has it, or what is wrong with it still."""

    record: Record
    to: Position | None
    wrong: str = ""


class Replayer:
    """Replays records. One that begins ends the transaction of any other, whose process may have died.

    Args:
        chosen: says where the log is.
        quarantine: holds the records and their history.
        source: gives the definition of a source by its name.
        who: who does this, for the history.

    Raises:
        Retryable: the log does not answer.
    """

    def __init__(self, chosen: Settings, quarantine: Quarantine, source: Callable[[str], Source], who: str) -> None:
        self._chosen, self._quarantine, self._who = chosen, quarantine, who
        self._corrector = Corrector(source)
        self._counts: dict[str, int] = {}
        # Where Java's writers put a record without being told, its replay goes, too.
        self._producer = producer(chosen, TRANSACTIONAL_ID, partitioner="murmur2_random")
        self._complete()

    def replay(self, records: Sequence[Record], correction: Correction, why: str) -> Iterator[Replayed]:
        """Replays records, which have to be open or wanted nevertheless; what became of each, as it becomes known.

        Raises:
            Retryable: the log or the quarantine did not answer; what was told before stays done.
            Permanent: the definition of a source is gone or not valid.
        """
        for start in range(0, len(records), AT_ONCE):
            some = records[start : start + AT_ONCE]
            made = list(zip(some, self._corrector.ready(some, correction), strict=True))
            yield from self._refused([(record, one) for record, one in made if isinstance(one, Rejected)], correction)
            yield from self._send([(record, one) for record, one in made if isinstance(one, Ready)], why)

    def _refused(self, wrong: Sequence[tuple[Record, Rejected]], correction: Correction) -> list[Replayed]:
        """Still in quarantine; what is wrong with a correction is in the history alone."""
        now = datetime.now(UTC)
        self._quarantine.again(
            (each, each.field, each.reason) if correction else (each, said.field or "", said.reason)
            for each, said in wrong
        )
        self._quarantine.note(
            (each, Event(each.id, now, "refused", self._who, said.reason, payload=_shown(correction)))
            for each, said in wrong
        )
        return [Replayed(each, None, said.reason) for each, said in wrong]

    def _send(self, ready: Sequence[tuple[Record, Ready]], why: str) -> list[Replayed]:
        if not ready:
            return []
        make_topics(self._chosen, sorted({each.topic for _, each in ready}))
        with transaction(self._producer):
            positions = self._produce([each for _, each in ready])
            events = [
                (record, Event(record.id, datetime.now(UTC), "sending", self._who, why, at, each.payload))
                for (record, each), at in zip(ready, positions, strict=True)
            ]
            self._quarantine.note(events)
            passing("produced")
        passing("committed")
        self._quarantine.note((record, _ended(event, "replayed")) for record, event in events)
        return [Replayed(record, event.to) for record, event in events]

    def _produce(self, ready: Sequence[Ready]) -> list[Position]:
        taken: dict[int, Position] = {}
        for number, each in enumerate(ready):
            delivered, where = partial(_delivered, taken, number), self._partition(each)
            step(partial(self._producer.produce, each.topic, each.payload, each.key, where, on_delivery=delivered))
            self._producer.poll(0)
        self._producer.flush(SECONDS)
        if len(taken) < len(ready):
            missing = len(ready) - len(taken)
            raise Retryable("the log did not take every record", received=f"{missing} were not taken")
        return [taken[number] for number in range(len(ready))]

    def _partition(self, ready: Ready) -> int:
        """Where the other records with this key are: by the hash that Java's writers use, or by that of ours."""
        if ready.partition is not None:
            return ready.partition
        if not ready.key.startswith(b"["):
            return BY_KEY
        return crc32(ready.key) % self._partitions(ready.topic)

    def _partitions(self, topic: str) -> int:
        if topic not in self._counts:
            self._counts[topic] = len(self._producer.list_topics(topic, timeout=SECONDS).topics[topic].partitions)
        return self._counts[topic]

    def _complete(self) -> None:
        """Looks up whether the log took what earlier replays have left open; by the fence, that is decided."""
        unsettled = self._quarantine.unsettled()
        records = {each.id: each for each in self._quarantine.records([event.id for event in unsettled])}
        self._quarantine.note(
            (records[event.id], _ended(event, "replayed" if is_committed(self._chosen, event) else "unsent"))
            for event in unsettled
        )


def _ended(event: Event, how: str) -> Event:
    return Event(event.id, datetime.now(UTC), how, event.who, event.why, event.to, event.payload)


def _shown(correction: Correction) -> bytes:
    told = correction.payload or b""
    return told + "".join(f" {name}={value}" for name, value in correction.values.items()).encode()


def is_committed(chosen: Settings, event: Event) -> bool:
    """Whether readers of the log see the record that a replay has sent.

    Raises:
        Retryable: the log does not answer.
    """
    with reading(chosen, "quarantine") as one:
        one.assign([TopicPartition(event.to.topic, event.to.partition, event.to.offset)])
        for batch in to_the_end(one, parts=1):
            for message in batch:
                # The first that comes decides: the record itself, a later one, or the end.
                return not is_end(message) and message.offset() == event.to.offset and message.value() == event.payload
    return False


def _delivered(taken: dict[int, Position], number: int, error: Any, message: Any) -> None:
    if error is None:
        log_time = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        taken[number] = Position(message.topic(), message.partition(), message.offset(), log_time)


def discard(quarantine: Quarantine, records: Iterable[Record], who: str, why: str) -> None:
    """Closes records without replaying them."""
    now = datetime.now(UTC)
    quarantine.note((record, Event(record.id, now, "discarded", who, why)) for record in records)
