"""Finds the records in quarantine that a later good record of the same sale has superseded.

Nobody has to mend those: the sale is in the answers as its source told it last. While sales are open in quarantine,
the log is read on from where they were refused; while none is, nothing is read.
"""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from confluent_kafka import KafkaException, Message, TopicPartition

from observe.logs import configure
from rankings.contract import TRIMMED, parse
from rankings.sale import Deletion, Key, Sale
from rankings.topics import carries_sales
from runtime.errors import Retryable
from runtime.settings import Settings, settings
from streaming.alive import sign_of_life
from streaming.committed import consumer, is_end, to_the_end
from streaming.quarantine.records import EPOCH, Event, Open, Position
from streaming.quarantine.store import Quarantine, quarantine

EVERY_SECONDS = 2.0
SAVE_SECONDS = 30.0
"""How often it is written down how far the log has been searched, and what has been closed by others is looked up."""

LATE = timedelta(seconds=10)
"""A record can be seen in quarantine this much later than its own time says."""

ANSWER_SECONDS = 10.0
WHO = "the log"
WHY = "the log took a good record of the same sale later"

Partition = tuple[str, int]

log = structlog.get_logger()


class Settler:
    """Searches the log, further with each call of `settle`.

    Args:
        chosen: says where the log is.
        quarantine: is read, and told what is superseded.
        alive: called while the log is searched.

    Raises:
        Retryable: the log or the quarantine does not answer.
    """

    def __init__(self, chosen: Settings, quarantine: Quarantine, alive: Callable[[], None] = lambda: None) -> None:
        self._quarantine, self._alive = quarantine, alive
        self._consumer = consumer(chosen, "settler", queued_max_messages_kbytes=8192)
        self._known: dict[Key, dict[str, Open]] = {}
        self._next: dict[Partition, int] = {}
        self._learned_through = EPOCH
        self._mark: tuple[object, ...] = ()
        self._saved_at = time.monotonic()
        self._resume()

    def __enter__(self) -> Settler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Writes down how far the log has been searched, and lets go of it."""
        try:
            self.save()
        finally:
            self._consumer.close()

    def settle(self) -> int:
        """Searches up to the log's present end; how many records turned out to be superseded.

        Raises:
            Retryable: the log or the quarantine does not answer.
        """
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()
            self._learn_all()
        elif (mark := self._quarantine.mark()) != self._mark:
            self._learn(self._quarantine.open_since(self._learned_through - LATE))
            self._mark = mark
        if not self._known:
            self._next = {}
            return 0
        try:
            return self._search()
        except KafkaException as error:
            raise Retryable("the log does not answer", received=str(error), todo="see `tidelake status`") from error

    def save(self) -> None:
        """Writes down how far the log has been searched."""
        self._quarantine.save_settled(self._next, self._learned_through)
        self._saved_at = time.monotonic()

    def _resume(self) -> None:
        """Goes on where an earlier process has come to; what it cannot have known is searched for from its own time."""
        reached, known_at = self._quarantine.settled()
        known = self._quarantine.open_since(EPOCH)
        before = [each for each in known if each[-1] < known_at - LATE]
        if before and reached:
            self._known, self._next = _known(before), dict(reached)
            self._learned_through = known_at

    def _learn_all(self) -> None:
        """Forgets what others have closed, too."""
        rows = self._quarantine.open_since(EPOCH)
        still = {each.id for _, each, _ in rows}
        left = {key: {name: each for name, each in some.items() if name in still} for key, some in self._known.items()}
        self._known = {key: some for key, some in left.items() if some}
        self._learn(rows)

    def _learn(self, rows: Sequence[tuple[Key, Open, datetime]]) -> None:
        """Takes up what is new; the log is searched again from the oldest of these."""
        new = [each for each in rows if self._known.get(each[0], {}).get(each[1].id) != each[1]]
        for key, each, seen in new:
            self._known.setdefault(key, {})[each.id] = each
            self._learned_through = max(self._learned_through, seen)
        if new and self._next:
            since = min(each.order_time for _, each, _ in new)
            for partition, offset in self._offsets(since, list(self._next)).items():
                self._next[partition] = min(self._next[partition], offset)

    def _search(self) -> int:
        known = self._consumer.list_topics(timeout=ANSWER_SECONDS).topics
        partitions = [(name, each) for name in known if carries_sales(name) for each in known[name].partitions]
        new = [each for each in partitions if each not in self._next]
        since = min(each.order_time for some in self._known.values() for each in some.values())
        self._next |= self._offsets(since, new)
        self._consumer.assign([TopicPartition(*each, self._next[each]) for each in partitions])
        found = 0
        for messages in to_the_end(self._consumer, len(partitions)):
            self._alive()
            for end in filter(is_end, messages):
                self._next[str(end.topic()), int(end.partition() or 0)] = int(end.offset() or 0)
            found += self._close([hit for message in messages for hit in self._hits(message)])
        # Until the next search nothing is fetched, and what is asked meanwhile is answered at once.
        self._consumer.unassign()
        return found

    def _offsets(self, since: datetime, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The first offset of each partition that the log took at or after a time, or its end."""
        ends = {at: self._consumer.get_watermark_offsets(TopicPartition(*at), ANSWER_SECONDS)[1] for at in partitions}
        if not ends:
            return {}
        asked = [TopicPartition(*at, int(since.timestamp() * 1000)) for at in ends]
        told = self._consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)
        return {(each.topic, each.partition): _or(each.offset, ends[each.topic, each.partition]) for each in told}

    def _hits(self, message: Message) -> list[tuple[str, Position]]:
        """The open records that a record of the log supersedes."""
        if message.error() is not None or _key(message.value()) not in self._known:
            return []
        said = parse(message.value())
        if not isinstance(said, Sale | Deletion):
            return []
        taken = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        at = Position(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0), taken)
        return [(each.id, at) for each in self._known.get(said.key, {}).values() if each.is_before(at)]

    def _close(self, hits: Sequence[tuple[str, Position]]) -> int:
        """Notes which records are superseded, if they are still open; a record's own replay supersedes it not."""
        if not hits:
            return 0
        wanted = {name: at for name, at in reversed(hits) if self._quarantine.origin(at.id) != name}
        still = [each for each in self._quarantine.records(list(wanted)) if each.state == "open"]
        events = [
            (each, Event(each.id, wanted[each.id].log_time, "superseded", WHO, WHY, wanted[each.id])) for each in still
        ]
        self._quarantine.note(events)
        left = {
            key: {name: one for name, one in some.items() if name not in wanted} for key, some in self._known.items()
        }
        self._known = {key: some for key, some in left.items() if some}
        return len(events)


def _or(offset: int, end: int) -> int:
    return offset if offset >= 0 else end


def _known(rows: Iterable[tuple[Key, Open, datetime]]) -> dict[Key, dict[str, Open]]:
    known: dict[Key, dict[str, Open]] = {}
    for key, each, _seen in rows:
        known.setdefault(key, {})[each.id] = each
    return known


def _key(payload: bytes | None) -> Key | None:
    """The sale that a record is about, at a glance: whether the record is good is not looked at."""
    try:
        told: Any = json.loads(payload or b"null")
    except ValueError:
        return None
    if not isinstance(told, Mapping):
        return None
    source, sale_id = (_plain(told.get(name)) for name in ("source", "sale_id"))
    return source, sale_id


def _plain(value: object) -> str:
    return unicodedata.normalize("NFC", value.strip(TRIMMED)) if isinstance(value, str) else ""


def main() -> None:
    """Looks for ever; whatever is away is asked again a little later."""
    configure("settler")
    while True:
        try:
            with quarantine() as held:
                _settle_on(Settler(settings(), held, sign_of_life(settings(), "settler").touch))
        except Retryable as error:
            log.warning("the quarantine could not be settled", error=str(error))
        time.sleep(EVERY_SECONDS)


def _settle_on(settler: Settler) -> None:
    try:
        while True:
            found = settler.settle()
            if found:
                log.info("records in quarantine are superseded", records=found)
            sign_of_life(settings(), "settler").touch()
            time.sleep(EVERY_SECONDS)
    finally:
        settler.close()


if __name__ == "__main__":
    main()
