"""Puts the endpoints together."""

from __future__ import annotations

from flask import Flask

from serving.compose import Api
from serving.http import (
    access_log,
    authorization,
    get_ranking,
    healthz,
    list_rankings,
    problem,
    readyz,
    request_id,
)


def create_app(api: Api) -> Flask:
    """The WSGI application.

    Args:
        api: what the endpoints work with.
    """
    app = Flask("tidelake", static_folder=None)
    # Two slashes are another address, not a reason to redirect.
    app.url_map.merge_slashes = False
    # In this order: what comes later, a refusal for instance, is logged with its id.
    request_id.register(app)
    access_log.register(app)
    authorization.register(app, api)
    problem.register(app)
    for blueprint in (
        get_ranking.blueprint(api),
        list_rankings.blueprint(api),
        healthz.blueprint(),
        readyz.blueprint(api),
    ):
        app.register_blueprint(blueprint)
    return app
