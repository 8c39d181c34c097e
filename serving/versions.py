"""Versions that were published before, by their number."""

from __future__ import annotations

from runtime.errors import Permanent
from serving.found import Publication
from serving.ports import Records


class NoSuchVersion(Permanent):
    """That version was never published."""


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
