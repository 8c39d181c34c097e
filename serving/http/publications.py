"""GET /v1/publications and /v1/publications/<version>, POST .../publish: versions, certificates, the rollback."""

from __future__ import annotations

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from serving.compose import Api
from serving.evidence import instant
from serving.http import cursor
from serving.http.endpoint import OPERATION, endpoint
from serving.http.operation_models import Done, PublicationAnswer, PublicationList
from serving.http.operator_calls import done
from serving.http.parameters import LARGEST_VERSION, Nothing, Pages
from serving.http.paths import VersionPath
from serving.http.representation import json_response, list_response
from serving.http.table import Kind
from serving.ports import StoreFailed
from serving.records import Published
from serving.versions import NoSuchVersion

Document = dict[str, object]

COLUMNS = {
    "version": Kind.NUMBER,
    "boundary": Kind.TEXT,
    "versions": Kind.TEXT,
    "rankings": Kind.TEXT,
    "published_at": Kind.TEXT,
    "times": Kind.NUMBER,
    "current": Kind.FLAG,
    "href": Kind.TEXT,
}


def blueprint(api: Api) -> APIBlueprint:
    """The endpoints."""
    made = APIBlueprint("publications", __name__)

    @endpoint(made, "GET", "/v1/publications", PublicationList, OPERATION, problems=(400,), table=True)
    def list_publications(query: Pages) -> Response:
        """Versions that were published, the newest first."""
        before = cursor.list_after(query.cursor, "publications") or LARGEST_VERSION
        return list_response(publications(api, before, query.limit), COLUMNS)

    @endpoint(made, "GET", "/v1/publications/<int:version>", PublicationAnswer, OPERATION, problems=(400, 404))
    def get_publication(path: VersionPath, query: Nothing) -> Response:
        """A version with its certificate: offsets, marks, counts, checksums, snapshots and drift of the run."""
        return json_response(publication(api, path.version))

    @endpoint(made, "POST", "/v1/publications/<int:version>/publish", Done, OPERATION, problems=(400, 404, 409))
    def publish_again(path: VersionPath, query: Nothing) -> Response:
        """Pins all answers to a version that was published before: the rollback. Needs the scope `operate`."""
        one(api, path.version)
        return done(api, "publish", str(path.version), lambda who: api.operators.publish(path.version, *who))

    return made


def publications(api: Api, before: int, limit: int) -> Document:
    """One page of versions."""
    found = api.stores.records.publications(before, limit + 1)
    current = _current(api)
    further = (
        cursor.ListCursor(of="publications", after=found[limit - 1].publication.version) if found[limit:] else None
    )
    return {
        "data": [_line(each, current) for each in found[:limit]],
        "next": cursor.packed(further) if further else None,
    }


def publication(api: Api, version: int) -> Document:
    """A version with its certificate, as far as the ledger can be asked. Raises NoSuchVersion, StoreFailed."""
    row = api.stores.ledger.row(version)
    ledger: Document = {
        "status": row.status if row else None,
        "through": instant(row.through) if row else None,
        "base_version": row.versions[-2] if row and len(row.versions) > 1 else None,
        "started_at": instant(row.started_at) if row else None,
        "finished_at": instant(row.finished_at) if row and row.finished_at else None,
        "certificate": row.certificate if row else None,
    }
    return {**_line(one(api, version), _current(api)), **ledger}


def one(api: Api, version: int) -> Published:
    """The version. Raises NoSuchVersion."""
    for each in api.stores.records.publications(min(version + 1, LARGEST_VERSION), 1):
        if each.publication.version == version:
            return each
    raise NoSuchVersion("that version was never published", received=version, todo="GET /v1/publications")


def _current(api: Api) -> int | None:
    try:
        published = api.answers.standing().publication
    except StoreFailed:
        return None
    return published.version if published else None


def _line(published: Published, current: int | None) -> Document:
    about = published.publication
    return {
        "version": about.version,
        "boundary": instant(about.boundary),
        "versions": list(about.versions),
        "rankings": list(about.rankings),
        "published_at": instant(about.published_at) if about.published_at else None,
        "times": published.times,
        "current": about.version == current,
        "href": f"/v1/publications/{about.version}",
    }
