"""What operators have done: who they are, how it ends; and GET /v1/audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint

from runtime.errors import TidelakeError
from serving.compose import Api
from serving.evidence import instant
from serving.http import cursor
from serving.http.endpoint import OPERATION, endpoint
from serving.http.operation_models import AuditList
from serving.http.parameters import Pages
from serving.http.problem import Problem
from serving.http.representation import json_response, list_response
from serving.http.table import Kind
from serving.ports import StoreFailed
from serving.records import OperatorCall

COLUMNS = dict.fromkeys(("at", "request_id", "who", "action", "target", "outcome", "detail"), Kind.TEXT)

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = 8_000_000_000_000_000
"""Microseconds after the epoch: later than every line."""


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("audit", __name__)

    @endpoint(made, "GET", "/v1/audit", AuditList, OPERATION, problems=(400,), table=True)
    def audit_log(query: Pages) -> Response:
        """What operators did, the newest first. Needs the scope `operate`."""
        before = EPOCH + MICROSECOND * min(cursor.list_after(query.cursor, "audit") or FAR, FAR)
        found = api.stores.audit.read(before, query.limit + 1)
        last = found[query.limit - 1].at if found[query.limit :] else None
        further = cursor.ListCursor(of="audit", after=(last - EPOCH) // MICROSECOND) if last else None
        lines = [_line(each) for each in found[: query.limit]]
        return list_response({"data": lines, "next": cursor.packed(further) if further else None}, COLUMNS)

    return made


def done(api: Api, action: str, target: str, work: Callable[[tuple[str, str]], str]) -> Response:
    """The response to an operation.

    Args:
        api: knows who calls.
        action: what is done.
        target: to what.
        work: does it; is told who calls, and the request's id.

    Raises:
        Problem: 409, if it could not be done.
        StoreFailed: the audit log cannot be written; nothing was done.
    """
    try:
        said = work((g.key_id, g.request_id))
    except StoreFailed:
        raise
    except TidelakeError as error:
        raise Problem(409, "not-done", f"{error}.", members={"action": action, "target": target}) from error
    return json_response({"action": action, "target": target, "said": said})


def _line(call: OperatorCall) -> dict[str, object]:
    fields = ("request_id", "who", "action", "target", "outcome", "detail")
    return {"at": instant(call.at), **{name: getattr(call, name) for name in fields}}
