"""Puts the endpoints together."""

from __future__ import annotations

from flask_openapi3.openapi import OpenAPI

from serving.compose import Api
from serving.http import (
    access_log,
    authorization,
    compare,
    compression,
    drift,
    evidence,
    freshness,
    get_ranking,
    healthz,
    lineage,
    list_rankings,
    metrics,
    operator_calls,
    over_time,
    problem,
    publications,
    quarantine,
    readyz,
    reference,
    request_id,
    security,
    stream,
    subject,
    why,
)
from serving.page import pages

ENDPOINTS = (
    list_rankings,
    get_ranking,
    over_time,
    compare,
    subject,
    why,
    stream,
    evidence,
    lineage,
    freshness,
    publications,
    drift,
    quarantine,
    operator_calls,
    readyz,
)
"""In the order of the reference."""


def create_app(api: Api) -> OpenAPI:
    """The WSGI application.

    Args:
        api: what the endpoints work with.
    """
    app = reference.application("serving.page", static_folder="static", template_folder="templates")
    # Two slashes are another address, not a reason to redirect.
    app.url_map.merge_slashes = False
    # In this order: what comes later, a refusal for instance, is logged with its id.
    request_id.register(app)
    access_log.register(app)
    registry = metrics.register(app, api)
    security.register(app)
    compression.register(app)
    authorization.register(app, api)
    problem.register(app)
    for each in ENDPOINTS:
        app.register_api(each.blueprint(api))
    app.register_api(healthz.blueprint())
    app.register_api(metrics.blueprint(registry))
    app.register_blueprint(reference.blueprint(app))
    app.register_blueprint(pages.blueprint(api))
    return app
