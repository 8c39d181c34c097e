"""Redis (or Valkey): keeps answers for a while. Without it answers are slower, never wrong."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import redis
import structlog
from pydantic import SecretStr

from serving.breaker import Breaker
from serving.ports import StoreAway, StoreFailed, StoreRefused

ANSWER_SECONDS = 0.5
"""Longest wait for Redis: past that, asking the store is as good."""

CONNECTIONS = 32
"""As many threads ask it at one time."""

# Only the holder of a claim gives it back: it may have run out and be somebody else's by then.
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class RedisCache:
    """The cache. A failure is logged once each time that the breaker lets one through, and is nobody else's concern.

    Args:
        url: the address, with its password.
        breaker: keeps a dead server from costing every request the timeout.
        connections: as many as there are threads, and nobody waits for one.
        wait_seconds: longest wait for a connection, where there are more threads.
    """

    def __init__(
        self,
        url: SecretStr,
        breaker: Breaker | None = None,
        connections: int = CONNECTIONS,
        wait_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._breaker = breaker or Breaker("Redis")
        self._free, self._wait_seconds = threading.Semaphore(connections), wait_seconds
        pool = redis.ConnectionPool.from_url(
            url.get_secret_value(),
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            max_connections=connections,
        )
        self._redis = redis.Redis(connection_pool=pool)

    def get(self, key: str) -> bytes | None:
        """What was put there, if it is still there."""
        value = self._try(lambda: self._redis.get(key), None)
        return value if isinstance(value, bytes) else None

    def claim(self, key: str, milliseconds: int) -> str | None:
        """A token if the caller is the one who makes the value (or nobody can tell)."""
        token = secrets.token_hex(8)
        taken = self._try(lambda: self._redis.set(_flight(key), token, nx=True, px=milliseconds), token)
        return token if taken else None

    def put(self, key: str, value: bytes, milliseconds: int, token: str) -> None:
        """Keeps the value that long, and gives the claim back, in one round trip."""

        def both() -> object:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.set(key, value, px=milliseconds)
                pipeline.eval(_RELEASE, 1, _flight(key), token)
                return pipeline.execute()

        self._try(both, None)

    def release(self, key: str, token: str) -> None:
        """Gives a claim back without a value."""
        self._try(lambda: self._redis.eval(_RELEASE, 1, _flight(key), token), None)

    def _try(self, work: Callable[[], object], otherwise: object) -> object:
        try:
            return self._breaker.call(lambda: self._connected(work))
        except StoreFailed:
            return otherwise

    def _connected(self, work: Callable[[], object]) -> object:
        if not self._free.acquire(timeout=self._wait_seconds):
            # Our own crowd says nothing about the server: others may go on asking it.
            structlog.get_logger().warning("no connection to the cache came free in time")
            raise StoreRefused("every connection to Redis is in use")
        try:
            return _translated(work)
        finally:
            self._free.release()


def _flight(key: str) -> str:
    return f"flight:{key}"


def _translated(work: Callable[[], object]) -> object:
    try:
        return work()
    except redis.ResponseError as error:
        # It lives, but is full, read-only, or holds something of another type there: the next call may well work.
        structlog.get_logger().warning("the cache refused a command", error=str(error))
        raise StoreRefused("Redis answered with an error", received=str(error)) from error
    except redis.RedisError as error:
        structlog.get_logger().warning("the cache does not answer", error=str(error))
        raise StoreAway("Redis does not answer", received=str(error)) from error
