"""What a WSGI server loads: `gunicorn serving.http.wsgi:app`. Stores are connected at the first question."""

from __future__ import annotations

from observe import logs
from runtime.settings import settings
from serving.compose import compose
from serving.http.app import create_app

# Each request is a line of the file; the terminal gets what went wrong.
logs.configure("api", terminal_level="WARNING")
app = create_app(compose(settings()))
