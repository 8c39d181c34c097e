"""A web shop whose orders are read over REST: pages by cursor, in the order of their last change, behind an API key."""

from __future__ import annotations

import hmac

from flask import Flask, Response, abort, jsonify, request

from stack.peers.ledger import Ledger, told

SOURCE = "webshop"
PAGE = 100


def app(ledger: Ledger, key: str) -> Flask:
    """The service.

    Args:
        ledger: its orders.
        key: what callers send in `X-Api-Key`.
    """
    made = Flask("webshop")

    @made.before_request
    def _known() -> None:
        if not hmac.compare_digest(request.headers.get("X-Api-Key", ""), key):
            abort(401)

    @made.get("/orders")
    def _orders() -> Response:
        found = ledger.after(request.args.get("after", 0, int), PAGE)
        following = found[-1][0] if found else request.args.get("after", 0, int)
        return jsonify(orders=[told(sale) for _, sale in found], next=str(following), more=len(found) == PAGE)

    return made
