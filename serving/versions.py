"""Versions that were published before, by their number."""

from __future__ import annotations

from datetime import UTC, datetime

from rankings.render.clickhouse import View
from runtime.errors import Permanent
from serving.asked import Asked
from serving.found import Publication
from serving.ports import Records

BEGINNING = datetime.fromtimestamp(0, UTC)
"""No record of the log is older."""


class NoSuchVersion(Permanent):
    """That version was never published."""


class NotKept(Permanent):
    """That version was published, and what the question needs of its time has been dropped since."""


class Versions:
    """Finds publications; what is found is kept, since a version never changes.

    Args:
        records: where they are kept.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: dict[int, Publication] = {}

    def get(self, version: int) -> Publication:
        """The publication of that version.

        Raises:
            NoSuchVersion: there is none.
            StoreFailed: the store gives no answer.
        """
        known = self._known.get(version)
        if known is not None:
            return known
        for found in self._records.publications(version + 1, 1):
            if found.publication.version == version:
                self._known[version] = found.publication
                return found.publication
        raise NoSuchVersion("that version was never published", received=version, todo="GET /v1/publications")

    def check_drift_kept(self, version: int) -> None:
        """To be called after a version's drift was read: none is no drift only if it was not dropped.

        Raises:
            NotKept: it was.
            StoreFailed: the store gives no answer.
        """
        kept = self._records.kept()
        if kept and kept.dropped(version):
            raise NotKept(f"the drift of version {version} is not kept any more", todo="GET /v1/publications")

    def check_kept(self, asked: Asked, publication: Publication | None) -> None:
        """To be called after figures as of a publication, or of none, were read: what is dropped is noted before.

        Raises:
            NotKept: they may lack something.
            StoreFailed: the store gives no answer.
        """
        kept = self._records.kept()
        if kept is None:
            return
        if publication and asked.view is not View.LIVE and kept.lacks(publication):
            raise NotKept(
                f"the figures of version {publication.version} are not kept any more", todo="GET /v1/publications"
            )
        since = publication.boundary if publication else BEGINNING
        if asked.view is not View.RECONCILED and since < kept.live_from:
            where = f"the boundary of version {publication.version}" if publication else "the beginning"
            raise NotKept(
                f"the live changes since {where} are not all kept any more",
                todo="ask with view=reconciled, or as of a later version",
            )
