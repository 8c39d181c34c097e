"""Serves a WSGI application on a free port of this machine, from threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from stack.ports import HOST


class _Quiet(WSGIRequestHandler):
    """The terminal belongs to those who serve, not to each request."""

    def log(self, type: str, message: str, *arguments: Any) -> None:
        """Tells nothing."""


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address at which the application answers."""
    server = make_server(HOST, 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
