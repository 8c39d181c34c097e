"""Some of a stack's servers in a temporary folder, for what needs no more of them; gone at the end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from runtime.errors import Permanent
from runtime.settings import Settings, settings


@contextmanager
def servers(names: Container[str]) -> Iterator[Settings]:
    """The settings under which the named parts are ready; what Spark needs is among them.

    Raises:
        Permanent: they did not start.
    """
    from stack.preflight import preflight
    from stack.spark import spark_jars
    from stack.supervisor import running_stack, wait_settled

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory(prefix="tidelake-bench-") as home:
        # PostgreSQL runs as another user, who has to reach his folder.
        Path(home).chmod(0o755)
        os.environ["TIDELAKE_HOME"] = home
        os.environ["TIDELAKE_SPARK_JARS"] = ",".join(map(str, spark_jars()))
        settings.cache_clear()
        preflight()
        with running_stack(only=names) as board:
            if wait_settled(board, threading.Event(), lambda _: None) != "ready":
                raise Permanent("the servers did not start", received=str(board.rows()))
            yield settings()
