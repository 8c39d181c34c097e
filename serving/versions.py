"""Versions that were published before, by their number."""

from __future__ import annotations

from rankings.render.clickhouse import View
from runtime.errors import Permanent
from serving.asked import Asked
from serving.found import Publication
from serving.ports import Records


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
        if asked.view is not View.RECONCILED and (publication is None or publication.boundary < kept.live_from):
            number = publication.version if publication else 0
            raise NotKept(
                f"the live changes since the boundary of version {number} are not all kept any more",
                todo="ask with view=reconciled, or as of a later version",
            )
