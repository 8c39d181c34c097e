"""The API as the demo calls it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from rankings.oracle import Entry
from rankings.ranking import Ranking
from runtime.errors import Retryable

MOST = 1000
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """One answer: its entries as the oracle gives them, the names beside them, and the evidence."""

    entries: list[Entry]
    names: list[str | None]
    evidence: dict[str, Any]

    @property
    def live_share(self) -> Decimal:
        """How much of the turnover came from live deltas, 0 to 1."""
        return Decimal(self.evidence["live_share"])


class Answers:
    """Asks for rankings with the operator's key."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, ranking: Ranking, **query: str | int) -> Answer:
        """One answer.

        Raises:
            Retryable: the API does not give it.
        """
        try:
            answer = self._http.get(f"/v1/rankings/{ranking.name}", params=query)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Retryable("the API gives no answer", received=str(error)) from error
        found = answer.json()
        entries = [_entry(ranking, row) for row in found["data"]]
        return Answer(entries, [row.get("salesman") for row in found["data"]], found["evidence"])

    def wait(self, ranking: Ranking, good: Callable[[Answer], bool], **query: str | int) -> Answer:
        """Asks until the answer is good.

        Raises:
            Retryable: it was not within `PATIENCE_SECONDS`.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while not good(answer := self.ask(ranking, **query)):
            if time.monotonic() > end:
                raise Retryable(
                    f"{ranking.name} did not show what was written within {PATIENCE_SECONDS:.0f} s",
                    received=str(answer.entries[:3]),
                    todo="see `tidelake status` and `tidelake logs taskmanager`",
                )
            time.sleep(0.02)
        return answer


def _entry(ranking: Ranking, row: dict[str, Any]) -> Entry:
    return Entry(row["rank"], tuple(row[name] for name in ranking.subject), Decimal(row["amount"]), row["sales"])
