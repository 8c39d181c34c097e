"""Records and the source's own position, written into the log in one transaction.

Readers of the log read what is committed only, so a process that dies anywhere leaves either both or neither. The
transactional id is the source's: a process that starts fences the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Any

from confluent_kafka import TopicPartition

from runtime.settings import Settings
from streaming.committed import is_end, reading, to_the_end
from streaming.sources.crash import passing
from streaming.sources.mapping import Accepted
from streaming.sources.records import Memory
from streaming.topics import make, make_topics
from streaming.transactions import producer, step, transaction

POSITIONS = "source-positions"
"""The compacted topic of what sources remember; key: source and name in JSON, value: JSON, empty where forgotten."""

POLL_EVERY = 1000


class Publisher:
    """Writes one source's records.

    Args:
        chosen: says where the log is.
        source: the source's name.

    Raises:
        Retryable: the log does not answer.
    """

    def __init__(self, chosen: Settings, source: str) -> None:
        self._chosen, self._source = chosen, source
        make(chosen, {POSITIONS: {"cleanup.policy": "compact"}}, partitions=1)
        self._producer = producer(chosen, f"tidelake-source-{source}")
        # Read after the fence: what an older process had still open is decided by now.
        self.memory: dict[str, Any] = remembered(chosen, source)

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ensure_topic(self, topic: str) -> None:
        """Makes the topic of the log if it is missing."""
        make_topics(self._chosen, [topic])

    def publish(self, topic: str, records: Sequence[Accepted], remember: Memory) -> None:
        """One transaction: the records, and what the source remembers from then on.

        Raises:
            Retryable: it was not committed, and nothing of it is in the log.
            Permanent: another process has taken over this source.
        """
        with transaction(self._producer):
            self._produce(topic, records)
            for name, value in remember.items():
                self._remember(name, value)
            passing("produced")
        passing("committed")
        self.memory.update(remember)
        for name in [name for name, value in remember.items() if value is None]:
            del self.memory[name]

    def close(self) -> None:
        """Lets go of the log; what is not committed is given up."""
        self._producer.purge()
        self._producer.poll(0)

    def _produce(self, topic: str, records: Sequence[Accepted]) -> None:
        for number, record in enumerate(records):
            self._send(topic, record.key, record.payload)
            if number % POLL_EVERY == 0:
                self._producer.poll(0)

    def _remember(self, name: str, value: Any) -> None:
        told = None if value is None else json.dumps(value, sort_keys=True).encode()
        self._send(POSITIONS, json.dumps([self._source, name]).encode(), told)

    def _send(self, topic: str, key: bytes, value: bytes | None) -> None:
        while True:
            try:
                step(partial(self._producer.produce, topic, value, key))
                return
            except BufferError:
                self._producer.poll(0.1)


def remembered(chosen: Settings, source: str | None = None) -> dict[str, Any]:
    """What a source remembers, by name; of every source, by `source` then name, where none is named.

    Raises:
        Retryable: the log does not answer.
    """
    found: dict[str, dict[str, Any]] = {}
    for key, value in _committed(chosen):
        whose, name = json.loads(key)
        if value is None:
            found.get(whose, {}).pop(name, None)
        else:
            found.setdefault(whose, {})[name] = json.loads(value)
    return found if source is None else found.get(source, {})


def _committed(chosen: Settings) -> list[tuple[bytes, bytes | None]]:
    """Every committed record of the topic of positions, in order."""
    with reading(chosen, "source-positions") as one:
        one.assign([TopicPartition(POSITIONS, 0, 0)])
        messages = [each for batch in to_the_end(one, parts=1) for each in batch if not is_end(each)]
    return [(each.key() or b"", each.value()) for each in messages]
