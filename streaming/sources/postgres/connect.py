"""Kafka Connect's REST interface, as far as the sources need it."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import httpx

from runtime.errors import Retryable
from runtime.settings import Settings
from streaming.sources.postgres.connector import MARK

ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.2


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=ANSWER_SECONDS)


class Connect:
    """One Connect cluster; every method raises Retryable where it does not answer, or not with success."""

    def __init__(self, chosen: Settings) -> None:
        self._base = chosen.connect

    def present(self, name: str) -> dict[str, str] | None:
        """The settings that a connector runs with; None where there is none."""
        found: dict[str, str] | None = self._call("GET", f"/{name}/config", allow_missing=True)
        return found

    def put(self, wanted: dict[str, str]) -> bool:
        """Registers a connector, or brings it to those settings; tells whether anything was changed."""
        if self.present(wanted["name"]) == wanted:
            return False
        self._call("PUT", f"/{wanted['name']}/config", json=wanted)
        return True

    def delete(self, name: str) -> None:
        """Ends a connector; its offsets stay."""
        self._call("DELETE", f"/{name}", allow_missing=True)

    def status(self, name: str) -> list[dict[str, Any]]:
        """The connector and its tasks, each with its state; empty where there is no such connector."""
        told = self._call("GET", f"/{name}/status", allow_missing=True)
        return [] if told is None else [told["connector"], *told["tasks"]]

    def restart_failed(self, name: str) -> None:
        """Starts again what has failed of it."""
        self._call("POST", f"/{name}/restart?includeTasks=true&onlyFailed=true")

    def stop(self, name: str, seconds: float = 60.0) -> None:
        """Ends its tasks, and waits until nobody writes its topics any more; it stays registered."""
        self._call("PUT", f"/{name}/stop")
        self._wait(name, lambda parts: parts[0]["state"] == "STOPPED" and len(parts) == 1, seconds)

    def resume(self, name: str) -> None:
        """Lets it run again."""
        self._call("PUT", f"/{name}/resume")

    def position(self, name: str) -> dict[str, Any]:
        """How far it has read, as it keeps it; empty where it has not begun."""
        told = self._offsets(name)
        return dict(told[0]["offset"] or {}) if told else {}

    def place(self, name: str, position: dict[str, Any]) -> None:
        """Gives a stopped connector that has begun another position, at once and whole."""
        told = self._offsets(name)
        wanted = {"offsets": [{"partition": told[0]["partition"], "offset": position}]}
        self._call("PATCH", f"/{name}/offsets", json=wanted)

    def forget_offsets(self, name: str) -> None:
        """Makes a stopped connector begin anew."""
        self._call("DELETE", f"/{name}/offsets")

    def ours(self) -> list[str]:
        """The connectors that read this platform's sources."""
        told = self._call("GET", "?expand=info") or {}
        return [name for name, each in told.items() if MARK in each["info"]["config"]]

    def _offsets(self, name: str) -> list[dict[str, Any]]:
        told = self._call("GET", f"/{name}/offsets", allow_missing=True) or {"offsets": []}
        return list(told["offsets"])

    def _wait(self, name: str, reached: Any, seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while not reached(parts := self.status(name)):
            if time.monotonic() > give_up:
                raise Retryable(f"the connector {name} did not stop in {seconds:.0f} s", received=str(parts)[:300])
            time.sleep(POLL_SECONDS)

    def _call(self, method: str, path: str, *, json: object = None, allow_missing: bool = False) -> Any:
        try:
            answer = _client().request(method, f"{self._base}/connectors{path}", json=json)
        except httpx.HTTPError as error:
            raise Retryable("Kafka Connect does not answer", received=f"{method} {path}: {error}") from error
        if answer.status_code == 404 and allow_missing:
            return None
        if answer.is_error:
            raise Retryable("Kafka Connect refused a call", received=f"{method} {path}: {answer.text[:300]}")
        return answer.json() if answer.content else {}
