"""Reads what is committed in the log, by position and to its present end; nobody else keeps the reader's place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from runtime.errors import Retryable
from runtime.settings import Settings

SECONDS = 30.0
"""How long the log may be silent before it counts as away."""

PAUSE_SECONDS = 0.2
FETCH_MS = 100
BATCH = 1000
ENDS = (KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART)
"""A topic that is not there yet is read to its end."""


def consumer(chosen: Settings, group: str, **more: object) -> Consumer:
    """A consumer that is told what to read; it is told where each partition ends, too.

    Args:
        chosen: says where the log is.
        group: its name, for people who look at the log's clients.
        more: further settings of the client, with `_` for `.`.
    """
    return Consumer(
        {
            "bootstrap.servers": chosen.kafka,
            "group.id": f"tidelake-{group}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            # Whatever else is asked on a connection waits for a fetch that finds nothing.
            "fetch.wait.max.ms": FETCH_MS,
            "log_level": 2,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
    )


@contextmanager
def reading(chosen: Settings, group: str) -> Iterator[Consumer]:
    """A consumer that is closed afterwards.

    Raises:
        Retryable: the log does not answer.
    """
    one = consumer(chosen, group)
    try:
        yield one
    except KafkaException as error:
        raise Retryable("the log does not answer", received=str(error), todo="see `tidelake status`") from error
    finally:
        one.close()


def to_the_end(one: Consumer, parts: int) -> Iterator[list[Message]]:
    """The messages of what is assigned, until each of so many partitions is read to its end; ends are among them.

    Raises:
        Retryable: the log does not answer.
    """
    ended: set[tuple[str | None, int | None]] = set()
    heard = time.monotonic()
    while len(ended) < parts:
        messages = _some(one)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > SECONDS:
            raise Retryable("the log does not answer", todo="see `tidelake status`")
        ended |= {(each.topic(), each.partition()) for each in messages if is_end(each)}
        yield messages


def _some(one: Consumer) -> list[Message]:
    """What is there. Asked for a number of messages, the client waits for all of them: so for the first one alone."""
    first = one.poll(PAUSE_SECONDS)
    return [] if first is None else [first, *one.consume(BATCH - 1, timeout=0)]


def is_end(message: Message) -> bool:
    """Whether a message says that a partition is read to its end.

    Raises:
        Retryable: it says that something is wrong.
    """
    error = message.error()
    if error is not None and error.code() not in ENDS:
        raise Retryable("the log does not answer", received=error.str(), todo="see `tidelake status`")
    return error is not None
