"""Data on the move while something else is done: records come to the lake, what live makes of them to ClickHouse."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from rankings.sale import Deletion, Key, Sale
from tests.batch.live import lived, told
from tests.batch.log import Log, Record
from tests.batch.world import World

PAUSE_SECONDS = 2.0
"""Between two commits: the lake job's own default is 5 s."""

RECORDS = 10
"""A second of log time."""

AGAIN = 5
"""A commit in three delivers so many older records once more, as a lake job does that goes on from a checkpoint."""


class Moving(threading.Thread):
    """Makes the log grow while the block runs, by a second of log time and its marks with each commit.

    The log has to be at a whole second. What went wrong is raised at the block's end.
    """

    def __init__(self, world: World, log: Log) -> None:
        super().__init__(name="moving", daemon=True)
        self._world, self._log, self._draw = world, log, random.Random("again")
        self._ended = threading.Event()
        self._error: Exception | None = None
        self.commits = 0

    def __enter__(self) -> Moving:
        """Begins."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it behind the commit under way."""
        self._ended.set()
        self.join()
        if self._error:
            raise self._error

    def run(self) -> None:
        """Its whole life."""
        try:
            self._tell_live(0)
            while not self._ended.wait(PAUSE_SECONDS):
                self._commit()
        except Exception as error:
            self._error = error

    def _commit(self) -> None:
        """Live is ahead of the lake."""
        first, records = len(self._log.records), self._log.records
        self._log.grow(RECORDS)
        self._tell_live(first)
        again = self._draw.sample(records[:first], AGAIN) if self.commits % 3 == 0 else []
        self._world.write([*again, *records[first:]])
        self.commits += 1

    def _tell_live(self, first: int) -> None:
        """What live makes of the records from there on."""
        new = self._log.records[first:]
        since = new[0].log_time.replace(microsecond=0)
        rows = told(self._world, self._of_sales(new))
        for found in rows.values():
            for at in [at for at in found if at[0] < since]:
                del found[at]
        lived(self._world, rows, new)

    def _of_sales(self, new: Sequence[Record]) -> list[Record]:
        """Every record of the sales that some records tell of: what these change depends on what was before."""
        keys = {_key(each) for each in new} - {None}
        return [each for each in self._log.records if _key(each) in keys]


def _key(record: Record) -> Key | None:
    said = record.said
    return said.key if isinstance(said, Sale | Deletion) else None
