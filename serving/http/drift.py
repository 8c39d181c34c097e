"""GET /v1/drift: the sums that the live path and the recomputed history disagreed about."""

from __future__ import annotations

from dataclasses import asdict

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from rankings.ranking import Ranking
from serving.compose import Api
from serving.http import cursor
from serving.http.endpoint import OPERATION, endpoint
from serving.http.operation_models import DriftList
from serving.http.parameters import DriftPages
from serving.http.publications import one
from serving.http.questions import ranking_named
from serving.http.representation import list_etag, table_response
from serving.http.table import Kind, Table
from serving.http.why import plain
from serving.records import Drift

Document = dict[str, object]

COLUMNS = {
    "ranking": Kind.TEXT,
    "business_day": Kind.DAY,
    "currency": Kind.TEXT,
    "subject": Kind.TEXT,
    "live_amount": Kind.MONEY,
    "reconciled_amount": Kind.MONEY,
    "live_sales": Kind.NUMBER,
    "reconciled_sales": Kind.NUMBER,
    "cause": Kind.TEXT,
}


def blueprint(api: Api) -> APIBlueprint:
    """The endpoint."""
    made = APIBlueprint("drift", __name__)

    @endpoint(made, "GET", "/v1/drift", DriftList, OPERATION, problems=(400, 404, 410), table=True)
    def drift_of_version(query: DriftPages) -> Response:
        """What a reconciliation found live to be wrong about, the greatest first, each sum with its cause."""
        body = drift(api, query)
        lines = body["data"]
        assert isinstance(lines, list)
        flat = [{**line, "subject": " / ".join(line["subject"].values())} for line in lines]
        return table_response(body, Table(COLUMNS, flat), list_etag(body))

    return made


def drift(api: Api, query: DriftPages) -> Document:
    """One page of a version's drift. Raises NotKept, if it has been dropped."""
    if query.ranking is not None:
        ranking_named(query.ranking, api.rankings)
    version = _version(api, query.version)
    of = f"drift {version} {query.ranking}"
    after = cursor.list_after(query.cursor, of) or 0
    found = _read(api, version, query, after) if version else Drift((), ())
    further = cursor.ListCursor(of=of, after=after + query.limit) if found.rows[query.limit :] else None
    return {
        "version": version,
        "summary": [plain(asdict(each)) for each in found.sums],
        "data": [
            {**plain(asdict(row)), "subject": _named(row.ranking, row.subject, api.rankings)}
            for row in found.rows[: query.limit]
        ],
        "next": cursor.packed(further) if further else None,
    }


def _read(api: Api, version: int, query: DriftPages, after: int) -> Drift:
    """One row more than asked for. Raises NotKept."""
    found = api.stores.records.drift(version, query.ranking, after, query.limit + 1)
    api.versions.check_drift_kept(version)
    return found


def _version(api: Api, asked: int | None) -> int | None:
    if asked is not None:
        return one(api, asked).publication.version
    current = api.answers.standing().publication
    return current.version if current else None


def _named(name: str, subject: tuple[str, ...], among: tuple[Ranking, ...]) -> dict[str, str]:
    """The subject by column; numbered for a ranking that there is no more."""
    columns = next((each.subject for each in among if each.name == name), tuple(map(str, range(len(subject)))))
    return dict(zip(columns, subject, strict=False))
