"""An event as a line of the Elastic Common Schema.

A keyword whose name has a dot is an ECS field (`**{"http.request.method": "GET"}`). Every other keyword goes under
`tidelake.`, so that a keyword such as `source` never meets the ECS field of that name, which is an object.
"""

from __future__ import annotations

import os
import socket
from importlib.metadata import version

from ecs_logging import StructlogFormatter
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
        line: str = self._formatter(None, name, fields)
        return line


def _field(keyword: str) -> str:
    """Where a keyword stands in the schema.

    >>> _field("request_id"), _field("source"), _field("http.response.status_code")
    ('http.request.id', 'tidelake.source', 'http.response.status_code')
    """
    if keyword in _AS_THEY_ARE or "." in keyword:
        return keyword
    return _TAKEN_OUT.get(keyword, f"{NAMESPACE}.{keyword}")
