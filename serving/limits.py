"""How many requests a key may make: counted in Redis, by all processes; without it everybody passes, visibly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import redis
import structlog
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import SecretStr

from runtime.errors import Permanent
from serving.breaker import Breaker
from serving.ports import StoreAway, StoreFailed

ANSWER_SECONDS = 0.5


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


class RateLimits:
    """Counts requests.

    Args:
        limit: such as `600/minute`; empty for no limit.
        url: Redis's address, with its password.
        breaker: keeps a dead server from costing every request the timeout.
        limiter: another than that over Redis, for tests.

    Raises:
        Permanent: the limit cannot be understood.
    """

    def __init__(
        self, limit: str, url: SecretStr, breaker: Breaker | None = None, limiter: FixedWindowRateLimiter | None = None
    ) -> None:
        self._item = _parsed(limit) if limit else None
        self._breaker = breaker or Breaker("Redis (rate limits)")
        self._make: Callable[[], FixedWindowRateLimiter] = lambda: limiter or _over_redis(url)
        self._limiter: FixedWindowRateLimiter | None = None

    def take(self, who: str) -> Allowance:
        """Counts one request of a key."""
        if self._item is None:
            return Allowance(Verdict.UNLIMITED)
        item = self._item
        try:
            return self._breaker.call(lambda: self._count(item, who))
        except StoreFailed:
            return Allowance(Verdict.UNCHECKED, item.amount, item.get_expiry())

    def _count(self, item: RateLimitItem, who: str) -> Allowance:
        try:
            return self._answer(item, who)
        except (redis.RedisError, TypeError, ValueError) as error:
            # Also a counter that is no number: then nobody counted.
            structlog.get_logger().warning("rate limits are not checked: Redis does not answer", error=str(error))
            raise StoreAway("Redis does not answer", received=str(error)) from error

    def _answer(self, item: RateLimitItem, who: str) -> Allowance:
        if self._limiter is None:
            self._limiter = self._make()
        passed = self._limiter.hit(item, "api", who)
        if passed:
            # What is left is for those who come near the limit: one round trip for everybody else.
            return Allowance(Verdict.ALLOWED, item.amount, item.get_expiry())
        stats: Any = self._limiter.get_window_stats(item, "api", who)
        reset = max(1, round(stats.reset_time - time.time()))
        return Allowance(Verdict.REFUSED, item.amount, item.get_expiry(), 0, reset)


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
