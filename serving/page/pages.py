"""The pages."""

from __future__ import annotations

from flask import Blueprint

from serving.compose import Api


def blueprint(api: Api) -> Blueprint:
    """The pages."""
    return Blueprint("pages", __name__)
