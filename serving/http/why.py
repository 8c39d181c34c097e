"""GET /v1/rankings/<name>/why: what a number is made of, down to sales and their positions in the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from runtime.errors import TidelakeError
from serving.answers import Answer
from serving.compose import Api
from serving.document import money
from serving.evidence import Document, instant
from serving.http.endpoint import endpoint
from serving.http.models import WhyAnswer
from serving.http.parameters import Subject
from serving.http.paths import Named
from serving.http.questions import EVERYONE, answered, asked, until, with_links
from serving.http.representation import json_response
from serving.http.subject import subject_named
from serving.ports import StoreAway
from serving.records import SaleSeen
from serving.slots import Busy


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("why", __name__)

    @endpoint(made, "GET", "/v1/rankings/<name>/why", WhyAnswer, problems=(400, 404, 410, 412))
    def why_this_number(path: Named, query: Subject) -> Response:
        """Why a number is what it is: by business day, by the newest live changes, by the greatest sales."""
        return json_response(why(api, path.name, query))

    return made


def why(api: Api, name: str, query: Subject) -> Document:
    """The document. Raises what a question raises."""
    question = asked(api, name, query)
    answer = answered(api, replace(question, limit=EVERYONE), query)
    pinned = replace(question, until=until(answer))
    reasons = api.stores.why.reasons(pinned, answer.history)
    sales, missing = _sales(api, answer, query.limit)
    seconds = [each.second for each in reasons.deltas]
    about = replace(answer.asked, limit=query.limit)
    told, untold = _seen(lambda: api.stores.lake.told(about, answer.history, seconds))
    body = with_links(api, answer, query)
    lines = body.pop("data")
    assert isinstance(lines, list)
    return {
        **body,
        "limit": query.limit,
        "subject": subject_named(question),
        "standing": lines[0] if lines else None,
        "days": [plain(asdict(each)) for each in reasons.days],
        "deltas": [plain(asdict(each)) for each in reasons.deltas],
        "sales": sales,
        "sales_missing": missing,
        "live_sales": told,
        "live_sales_missing": untold,
    }


Seen = tuple[list[dict[str, object]] | None, str | None]


def _sales(api: Api, answer: Answer, limit: int) -> Seen:
    history = answer.history
    if history is None:
        return None, "nothing has been reconciled yet, and the lake shows sales as of a reconciliation"
    return _seen(lambda: api.stores.lake.sales(replace(answer.asked, limit=limit), history))


def _seen(read: Callable[[], Sequence[SaleSeen]]) -> Seen:
    """Sales as the document has them, or why there are none."""
    try:
        return [plain(asdict(each)) for each in read()], None
    except (StoreAway, Busy) as error:
        assert isinstance(error, TidelakeError)
        return None, error.wrong


def plain(fields: dict[str, Any]) -> dict[str, object]:
    """Fields as the API writes them: money as decimal strings, times with Z, days in ISO 8601."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> object:
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, datetime):
        return instant(value)
    return value.isoformat() if isinstance(value, date) else value
