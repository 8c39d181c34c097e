"""How gunicorn serves the API: `gunicorn --config python:serving.http.gunicorn_conf serving.http.wsgi:app`.

One process with threads: nearly all of a request's time is waiting for a store. TIDELAKE_API_WORKERS gives more
processes, whose flights for one key meet in Redis. SIGTERM lets requests under way end within `graceful_timeout`, and
ends event streams: their readers come back, to whatever process there is then.
"""

from __future__ import annotations

import signal
from typing import Any
from urllib.parse import urlsplit

from runtime.settings import settings
from serving.http.stopping import STOPPING

_chosen = settings()
_address = urlsplit(_chosen.api)

bind = f"{_address.hostname}:{_address.port or 80}"
worker_class = "gthread"
workers = _chosen.api_workers
# Event streams hold theirs as long as somebody listens.
threads = _chosen.api_threads
keepalive = 30
timeout = 60
graceful_timeout = 10
# The worker's sign of life is a file: on a disk that hangs, a healthy worker would be killed.
worker_tmp_dir = "/dev/shm"  # noqa: S108
control_socket_disable = True
errorlog = "-"
# The application logs every request itself, with its id and key.
accesslog = None


def post_worker_init(worker: Any) -> None:
    """Tells the application of SIGTERM, beside gunicorn itself."""

    def stop(number: int, frame: Any) -> None:
        STOPPING.set()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)
