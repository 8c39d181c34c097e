"""What a WSGI server loads: `gunicorn serving.http.wsgi:app`. Stores are connected at the first question."""

from __future__ import annotations

from observe import logs
from runtime.settings import settings
from serving.compose import compose
from serving.http.app import create_app

logs.configure("api")
app = create_app(compose(settings()))
