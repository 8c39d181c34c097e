"""When a request is tried again: what the service asks for, and otherwise later each time, never all at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_exponential_jitter

from runtime.errors import Retryable
from streaming.sources.rest.parts import Limits

FIRST_WAIT = 0.5
SHORT_OF = 1.0
"""How much shorter or longer than a second a wait may be, so that callers do not come together."""

Result = TypeVar("Result")
Sleep = Callable[[float], None]

log = structlog.get_logger()


class Patience:
    """Tries again what is away, as often and as long as the limits allow.

    Raises:
        Retryable: it was away at the last attempt, or wants a longer wait than allowed.
    """

    def __init__(self, source: str, limits: Limits, sleep: Sleep = time.sleep) -> None:
        self._source, self._limits, self._sleep = source, limits, sleep
        self._growing = wait_exponential_jitter(multiplier=FIRST_WAIT, max=limits.wait_seconds, jitter=SHORT_OF)

    def __call__(self, what: Callable[[], Result]) -> Result:
        """What comes of it in the end."""
        return Retrying(
            retry=lambda attempt: self._worth_while(attempt.outcome.exception() if attempt.outcome else None),
            stop=stop_after_attempt(self._limits.attempts),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )(what)

    def _worth_while(self, error: BaseException | None) -> bool:
        return isinstance(error, Retryable) and error.after <= self._limits.wait_seconds

    def _wait(self, attempt: RetryCallState) -> float:
        error = attempt.outcome.exception() if attempt.outcome else None
        return max(self._growing(attempt), error.after if isinstance(error, Retryable) else 0.0)

    def _tell(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        seconds = round(attempt.next_action.sleep if attempt.next_action else 0.0, 1)
        log.warning("a request is tried again", source=self._source, error=str(error), seconds=seconds)


class Pace:
    """Keeps requests apart."""

    def __init__(self, per_second: float | None, sleep: Sleep = time.sleep) -> None:
        self._apart = 1 / per_second if per_second else 0.0
        self._next, self._sleep = 0.0, sleep

    def wait(self) -> None:
        """Until the next request may be sent."""
        now = time.monotonic()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._apart
