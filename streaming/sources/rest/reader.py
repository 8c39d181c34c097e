"""The reader of sources over REST."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from runtime.errors import TidelakeError
from runtime.settings import Settings
from streaming.sources.records import Batch, Memory
from streaming.sources.rest.definition import RestSource
from streaming.sources.rest.patience import Sleep
from streaming.sources.rest.position import Position, forgotten
from streaming.sources.rest.reading import Reading
from streaming.sources.rest.service import Service


def reader(source: RestSource, chosen: Settings) -> RestReader:
    """What reads that source; the settings have nothing to tell it.

    Raises:
        Permanent: a secret cannot be had.
    """
    return RestReader(source)


class RestReader:
    """Reads one service, page after page.

    Args:
        source: the definition.
        sleep: waits that many seconds.
    """

    def __init__(self, source: RestSource, sleep: Sleep = time.sleep) -> None:
        self._source = source
        self._service = Service(source, sleep)

    def read(self, memory: Memory) -> Iterator[Batch]:
        """One reading to the present end; none where the schedule has its time still to come.

        Raises:
            Retryable: the service is away; the next reading goes on where this one ended.
            Permanent: a person has to change something.
        """
        changed = forgotten(self._source, memory)
        if changed:
            yield Batch([], changed)
        remembered = {name: value for name, value in {**memory, **changed}.items() if value is not None}
        if self._is_early(remembered):
            return
        try:
            yield from Reading(self._source, self._service, remembered).batches()
        except TidelakeError as error:
            raise self._service.secrets.without(error) from None

    def close(self) -> None:
        """Closes every connection."""
        self._service.close()

    def _is_early(self, memory: Memory) -> bool:
        """A process that is started between two times of its schedule waits for the next; half a reading goes on."""
        position = Position.of(memory)
        if self._source.cron is None or position.read_at is None or position.unfinished is not None:
            return False
        return self._source.next_reading(datetime.fromisoformat(position.read_at)) > datetime.now(UTC)
