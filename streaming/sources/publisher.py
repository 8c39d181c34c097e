"""Records and the source's own position, written into the log in one transaction.

Readers of the log read what is committed only, so a process that dies anywhere leaves either both or neither. The
transactional id is the source's: a process that starts fences the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from streaming.sources.crash import passing
from streaming.sources.mapping import Accepted
from streaming.sources.records import Memory
from streaming.topics import make, make_topics

POSITIONS = "source-positions"
"""The compacted topic of what sources remember; key: source and name in JSON, value: JSON, empty where forgotten."""

SECONDS = 30.0
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
        self._producer = Producer(
            {
                "bootstrap.servers": chosen.kafka,
                "transactional.id": f"tidelake-source-{source}",
                "transaction.timeout.ms": int(SECONDS * 1000),
                "linger.ms": 5,
                "compression.type": "lz4",
                "log_level": 2,
            }
        )
        _do(partial(self._producer.init_transactions, SECONDS))
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
        _do(self._producer.begin_transaction)
        try:
            self._produce(topic, records)
            for name, value in remember.items():
                self._remember(name, value)
            passing("produced")
            _do(partial(self._producer.commit_transaction, SECONDS))
        except Retryable:
            _do(partial(self._producer.abort_transaction, SECONDS))
            raise
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
                self._producer.produce(topic, value, key)
                return
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise _told(error) from error


def _do(step: Callable[[], object]) -> None:
    """One step of a transaction.

    Raises:
        Retryable: the log did not do it.
        Permanent: another process has taken over.
    """
    try:
        step()
    except KafkaException as error:
        raise _told(error) from error


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
    consumer = Consumer(
        {
            "bootstrap.servers": chosen.kafka,
            "group.id": "tidelake-source-positions",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 2,
        }
    )
    try:
        consumer.assign([TopicPartition(POSITIONS, 0, 0)])
        return _to_the_end(consumer)
    except KafkaException as error:
        raise _told(error) from error
    finally:
        consumer.close()


def _to_the_end(consumer: Consumer) -> list[tuple[bytes, bytes | None]]:
    found: list[tuple[bytes, bytes | None]] = []
    while True:
        message = consumer.poll(SECONDS)
        if message is None:
            raise Retryable("the log does not answer", todo="see `tidelake status`")
        error = message.error()
        if error is None:
            found.append((message.key() or b"", message.value()))
        elif error.code() == KafkaError._PARTITION_EOF:
            return found
        elif error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return []
        else:
            raise KafkaException(error)


def _told(error: KafkaException) -> Retryable | Permanent:
    cause: KafkaError = error.args[0]
    if cause.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
        return Permanent("another process reads this source", received=cause.str(), todo="let only one of them run")
    return Retryable("the log did not take the transaction", received=cause.str(), todo="see `tidelake status`")
