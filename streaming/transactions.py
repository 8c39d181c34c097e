"""Transactions of the log: all of what is written in one is there for readers, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings

SECONDS = 30.0
FENCED = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)


def producer(chosen: Settings, transactional_id: str, **more: object) -> Producer:
    """A producer of transactions; it ends the open one of any other process with this id, and keeps it from more.

    Args:
        chosen: says where the log is.
        transactional_id: of those that must not write beside each other.
        more: further settings of the client, with `_` for `.`.

    Raises:
        Retryable: the log does not answer.
    """
    made = Producer(
        {
            "bootstrap.servers": chosen.kafka,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(SECONDS * 1000),
            "linger.ms": 5,
            "compression.type": "lz4",
            "log_level": 2,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
    )
    step(partial(made.init_transactions, SECONDS))
    return made


@contextmanager
def transaction(one: Producer) -> Iterator[None]:
    """Everything that is produced in the block, committed at its end.

    Raises:
        Retryable: it was not committed, and nothing of it is in the log.
        Permanent: another process has taken over.
    """
    step(one.begin_transaction)
    try:
        yield
        step(partial(one.commit_transaction, SECONDS))
    except Permanent:
        # Fenced: the open transaction was ended by the process that took over.
        raise
    except BaseException:
        step(partial(one.abort_transaction, SECONDS))
        raise


def step(call: Callable[[], object]) -> None:
    """One call of the client.

    Raises:
        Retryable: the log did not do it.
        Permanent: another process has taken over.
    """
    try:
        call()
    except KafkaException as error:
        cause: KafkaError = error.args[0]
        if cause.code() in FENCED:
            todo = "let only one of them run"
            raise Permanent("another process has taken over", received=cause.str(), todo=todo) from error
        todo = "see `tidelake status`"
        raise Retryable("the log did not take the transaction", received=cause.str(), todo=todo) from error
