"""How many requests a key may make: counted in Redis, by all processes; without it everybody passes, visibly.

A process counts some requests ahead, so that it need not ask Redis for each. None is made that was not counted, in the
window that it was counted in: all processes together never let more pass than the limit. A key may be refused a little
early, while another process still has some of its requests counted ahead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import redis
import structlog
from cachetools import LRUCache
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import SecretStr

from runtime.errors import Permanent
from serving.breaker import Breaker
from serving.ports import StoreAway, StoreFailed

ANSWER_SECONDS = 0.5

AHEAD_SHARE, MOST_AHEAD = 100, 100
"""Requests counted ahead: this part of the limit, and no more than that many."""

MARGIN_SECONDS = 2.0
"""Before a window ends nothing is counted ahead: Redis tells its end in whole seconds."""

KEYS_KNOWN = 10_000
NAMESPACE = "api"


class Verdict(StrEnum):
    """How a request fared."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNCHECKED = "unchecked"
    """Redis gave no answer, so that nobody counted."""

    UNLIMITED = "unlimited"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left.

    Attributes:
        verdict: how the request fared.
        limit: requests in a window.
        window_seconds: length of a window.
        remaining: what is left in this window.
        reset_seconds: when the next window begins, from now.
    """

    verdict: Verdict
    limit: int = 0
    window_seconds: int = 0
    remaining: int = 0
    reset_seconds: int = 0


@dataclass(slots=True)
class _Ahead:
    """What a process has counted ahead of one key's requests.

    Attributes:
        left: requests that are counted and not made yet.
        until: monotonic seconds, from when on they are worth nothing and none are counted ahead.
    """

    left: int = 0
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class RateLimits:
    """Counts requests.

    Args:
        limit: such as `600/minute`; empty for no limit.
        url: Redis's address, with its password.
        breaker: keeps a dead server from costing every request the timeout.
        limiter: another than that over Redis, for tests.
        seconds: monotonic seconds.

    Raises:
        Permanent: the limit cannot be understood.
    """

    def __init__(
        self,
        limit: str,
        url: SecretStr,
        breaker: Breaker | None = None,
        limiter: FixedWindowRateLimiter | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._item = _parsed(limit) if limit else None
        self._breaker = breaker or Breaker("Redis (rate limits)")
        self._make: Callable[[], FixedWindowRateLimiter] = lambda: limiter or _over_redis(url)
        self._limiter: FixedWindowRateLimiter | None = None
        self._seconds = seconds
        self._ahead: LRUCache[str, _Ahead] = LRUCache(KEYS_KNOWN)
        self._lock = threading.Lock()

    def take(self, who: str) -> Allowance:
        """Counts one request of a key."""
        if self._item is None:
            return Allowance(Verdict.UNLIMITED)
        item = self._item
        with self._lock:
            ahead = self._ahead.get(who)
            if ahead is None:
                ahead = self._ahead[who] = _Ahead()
        # One thread asks for a key: the others wait for what it counts ahead.
        with ahead.lock:
            if ahead.left and self._seconds() < ahead.until:
                ahead.left -= 1
                return Allowance(Verdict.ALLOWED, item.amount, item.get_expiry())
            try:
                return self._breaker.call(lambda: self._count(item, who, ahead))
            except StoreFailed:
                return Allowance(Verdict.UNCHECKED, item.amount, item.get_expiry())

    def _count(self, item: RateLimitItem, who: str, ahead: _Ahead) -> Allowance:
        try:
            return self._answer(item, who, ahead)
        except (redis.RedisError, TypeError, ValueError) as error:
            # Also a counter that is no number: then nobody counted.
            structlog.get_logger().warning("rate limits are not checked: Redis does not answer", error=str(error))
            raise StoreAway("Redis does not answer", received=str(error)) from error

    def _answer(self, item: RateLimitItem, who: str, ahead: _Ahead) -> Allowance:
        if self._limiter is None:
            self._limiter = self._make()
        most = min(item.amount // AHEAD_SHARE, MOST_AHEAD)
        now = self._seconds()
        many = most if most > 1 and now < ahead.until else 1
        ahead.left = 0
        counted = _counted(self._limiter, item, who, many)
        if not counted:
            return self._refused(self._limiter, item, who)
        ahead.left = counted - 1
        if most > 1 and now >= ahead.until + MARGIN_SECONDS:
            ends: Any = self._limiter.storage.get_expiry(item.key_for(NAMESPACE, who))
            ahead.until = now + ends - time.time() - MARGIN_SECONDS
        # What is left is for those who come near the limit: one round trip for everybody else.
        return Allowance(Verdict.ALLOWED, item.amount, item.get_expiry())

    def _refused(self, limiter: FixedWindowRateLimiter, item: RateLimitItem, who: str) -> Allowance:
        stats: Any = limiter.get_window_stats(item, NAMESPACE, who)
        reset = max(1, round(stats.reset_time - time.time()))
        return Allowance(Verdict.REFUSED, item.amount, item.get_expiry(), 0, reset)


def _counted(limiter: FixedWindowRateLimiter, item: RateLimitItem, who: str, many: int) -> int:
    """How many requests were counted: as many as were wanted, one if no more are left, or none."""
    if limiter.hit(item, NAMESPACE, who, cost=many):
        return many
    if many == 1:
        return 0
    found: Any = limiter.storage.incr(item.key_for(NAMESPACE, who), item.get_expiry(), amount=1 - many)
    return 1 if found <= item.amount else 0


def _parsed(limit: str) -> RateLimitItem:
    try:
        return parse(limit)
    except ValueError as error:
        raise Permanent(
            "TIDELAKE_RATE_LIMIT is not a rate limit", received=limit, valid="such as 600/minute, or empty"
        ) from error


def _over_redis(url: SecretStr) -> FixedWindowRateLimiter:
    storage = RedisStorage(
        url.get_secret_value(),
        key_prefix="limit",
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
    )
    return FixedWindowRateLimiter(storage)
