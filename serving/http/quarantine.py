"""GET /v1/quarantine, POST /v1/quarantine/<id>/replay and .../discard: records that the contract refuses."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.http import cursor
from serving.http.endpoint import OPERATION, endpoint
from serving.http.operation_models import Done, QuarantineList
from serving.http.operator_calls import done
from serving.http.parameters import Discarding, Nothing, QuarantinePages
from serving.http.paths import RecordPath
from serving.http.problem import Problem
from serving.http.representation import list_response
from serving.http.table import Kind
from serving.http.why import plain
from serving.records import Wanted

Document = dict[str, object]

COLUMNS = {
    **dict.fromkeys(("id", "source", "sale_id", "hops", "topic", "at", "log_time", "field", "reason"), Kind.TEXT),
    **dict.fromkeys(("key", "payload", "first_seen", "last_seen"), Kind.TEXT),
    "times": Kind.NUMBER,
    "state": Kind.TEXT,
}


def blueprint(api: Api) -> APIBlueprint:
    """The endpoints."""
    made = APIBlueprint("quarantine", __name__)

    @endpoint(made, "GET", "/v1/quarantine", QuarantineList, OPERATION, problems=(400,), table=True)
    def list_quarantine(query: QuarantinePages) -> Response:
        """Records that broke the contract, the one last refused first: position, reason, state, and what came."""
        return list_response(quarantine(api, query), COLUMNS)

    address = "/v1/quarantine/<path:record_id>"

    @endpoint(made, "POST", f"{address}/replay", Done, OPERATION, problems=(400, 404, 409))
    def replay_record(path: RecordPath, query: Nothing) -> Response:
        """Sends a record through the contract again. Needs the scope `operate`."""
        known(api, path.record_id)
        return done(api, "replay", path.record_id, lambda who: api.operators.replay(path.record_id, *who))

    @endpoint(made, "POST", f"{address}/discard", Done, OPERATION, problems=(400, 404, 409))
    def discard_record(path: RecordPath, query: Discarding) -> Response:
        """Closes a record without replaying it; answers count it no longer. Needs the scope `operate`."""
        known(api, path.record_id)
        return done(api, "discard", path.record_id, lambda who: api.operators.discard(path.record_id, query.why, *who))

    return made


def quarantine(api: Api, query: QuarantinePages) -> Document:
    """One page of what is in quarantine."""
    of = f"quarantine {query.topic} {query.state}"
    after = cursor.list_after(query.cursor, of) or 0
    wanted = Wanted(query.topic or "", "" if query.state == "all" else query.state)
    found = api.stores.records.refused(wanted, after, query.limit + 1)
    further = cursor.ListCursor(of=of, after=after + query.limit) if found[query.limit :] else None
    return {
        "data": [plain(asdict(each)) for each in found[: query.limit]],
        "next": cursor.packed(further) if further else None,
    }


def known(api: Api, record_id: str) -> None:
    """Commands take the beginning of an id too; here only a whole one counts.

    Raises:
        Problem: 404, there is no such record.
    """
    if not api.stores.records.refused(Wanted(record_id=record_id), 0, 1):
        raise Problem(404, "not-found", "There is no such record in quarantine; GET /v1/quarantine lists them.")
