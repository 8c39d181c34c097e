"""An event as a line of the Elastic Common Schema.

A keyword whose name has a dot is an ECS field (`**{"http.request.method": "GET"}`). Every other keyword goes under
`tidelake.`, so that a keyword such as `source` never meets the ECS field of that name, which is an object.
"""

from __future__ import annotations

import json
import os
import socket
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from ecs_logging import ECS_VERSION, StructlogFormatter
from structlog.typing import EventDict

NAMESPACE = "tidelake"

_TAKEN_OUT = {
    "level": "log.level",
    "logger": "log.logger",
    "thread": "process.thread.name",
    "error_type": "error.type",
    "error_message": "error.message",
    "request_id": "http.request.id",
}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_AS_THEY_ARE = ("@timestamp", "event", "exception")


class Ecs:
    """Renders one service's events."""

    def __init__(self, service: str) -> None:
        self._formatter = StructlogFormatter(ensure_ascii=False)
        self._constant = {
            "service.name": service,
            "service.version": version("tidelake"),
            "event.dataset": f"{NAMESPACE}.{service}",
            "host.hostname": socket.gethostname(),
        }

    def __call__(self, _logger: object, name: str, event: EventDict) -> str:
        """One line of JSON, without its line end."""
        fields = {_field(key): value for key, value in event.items()}
        trace = event.get("request_id") or event.get("run_id")
        if trace is not None:
            fields["trace.id"] = trace
        # Asked for each time: a forked worker has an id of its own.
        fields |= {**self._constant, "process.pid": os.getpid()}
        plain = _plain_line(fields, name)
        if plain is not None:
            return plain
        line: str = self._formatter(None, name, fields)
        return line


def _plain_line(fields: EventDict, level: str) -> str | None:
    """The line of an event that has nothing but texts and numbers, such as a request's; None for any other.

    It is what the library makes of it, in a fraction of the time: there is one for each request.
    """
    if "exception" in fields or not _SCALARS.issuperset(map(type, fields.values())):
        return None
    rest = dict(fields)
    whole: dict[str, Any] = {
        "@timestamp": rest.pop("@timestamp", None),
        "log.level": rest.pop("log.level", level.lower()),
        "message": rest.pop("event"),
    }
    for field, value in rest.items():
        place = whole
        *parents, last = _path(field)
        for parent in parents:
            place = place.setdefault(parent, {})
            if type(place) is not dict:
                # One field is named within another that has a value of its own: the library knows what to do.
                return None
        place[last] = value
    whole["ecs.version"] = ECS_VERSION
    return _ENCODER.encode(whole)


@lru_cache(1000)
def _path(field: str) -> tuple[str, ...]:
    return tuple(field.split("."))


def _field(keyword: str) -> str:
    """Where a keyword stands in the schema.

    >>> _field("request_id"), _field("source"), _field("http.response.status_code")
    ('http.request.id', 'tidelake.source', 'http.response.status_code')
    """
    if keyword in _AS_THEY_ARE or "." in keyword:
        return keyword
    return _TAKEN_OUT.get(keyword, f"{NAMESPACE}.{keyword}")
