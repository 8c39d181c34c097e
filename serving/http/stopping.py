"""Whether this process has been asked to stop: what would go on for minutes ends by itself then."""

from __future__ import annotations

import threading

STOPPING = threading.Event()
"""Set once, by the server that runs the application."""
