"""Whether the stores that answer hold what the lake says: looked at before a version is published, and on request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from batch.checksum import Checksum
from batch.clickhouse import Store
from batch.postgres import connected
from rankings.ranking import Ranking
from rankings.render import checks


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found where, and what it should be."""

    what: str
    found: str
    expected: str

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return self.found == self.expected

    def __str__(self) -> str:
        return f"{self.what} {self.found}" if self.holds else f"{self.what} {self.found} instead of {self.expected}"


def in_stores(
    store: Store, dsn: str, among: Sequence[Ranking], versions: Sequence[int], expected: dict[str, Checksum]
) -> list[Check]:
    """ClickHouse's and PostgreSQL's sums of a chain against expected checksums by ranking."""
    found = []
    for ranking in among:
        wanted = str(expected[ranking.name])
        found.append(Check(f"ClickHouse {ranking.name}", str(store.checksum(ranking, versions)), wanted))
        found.append(Check(f"PostgreSQL {ranking.name}", str(in_postgres(dsn, ranking, versions)), wanted))
    return found


def in_postgres(dsn: str, ranking: Ranking, versions: Sequence[int]) -> Checksum:
    """The checksum of a ranking's sums as a chain of versions adds up to them in PostgreSQL."""
    return _asked_of_postgres(checks.postgres(), dsn, ranking, versions)


def _asked_of_postgres(text: str, dsn: str, ranking: Ranking, versions: Sequence[int]) -> Checksum:
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(text, {"ranking": ranking.name, "versions": list(versions)})
        rows, value = cursor.fetchone() or (0, 0)
    return Checksum(int(rows), int(value))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store should hold of a ranking.

    Attributes:
        versions: the chain; the version that was loaded last comes last.
        sums: the checksum of all that the chain adds up to.
        own: that of the last version's rows.
        older: the fingerprint of the rows of those before it, as it was when they were proved; None if that is not
            known.
    """

    versions: Sequence[int]
    sums: Checksum
    own: Checksum | None
    older: Checksum | None


class _Asked(NamedTuple):
    """How a store is asked for a ranking's checksum and fingerprint of some versions."""

    checksum: Callable[[Sequence[int]], Checksum]
    fingerprint: Callable[[Sequence[int]], Checksum]


def after_load(
    store: Store, dsn: str, among: Sequence[Ranking], expected: Callable[[Ranking, str], Loaded]
) -> list[tuple[Check, Checksum]]:
    """What was loaded against what the lake says; each with the fingerprint of the whole chain's rows.

    Where the versions before were proved when they were loaded and their rows are still the same, those of the last one
    are looked at alone: the sum of two proved parts is proved. Otherwise all is summed.

    Args:
        store: ClickHouse.
        dsn: PostgreSQL.
        among: the rankings.
        expected: what the store of that name should hold of a ranking.
    """
    asked = [(ranking, *each) for ranking in among for each in _stores(store, dsn, ranking).items()]
    # The stores work at the same time; each question has a connection of its own.
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda each: _after_load(each[1], each[2], expected(each[0], each[1])), asked))


def _stores(store: Store, dsn: str, ranking: Ranking) -> dict[str, _Asked]:
    return {
        f"ClickHouse {ranking.name}": _Asked(partial(store.checksum, ranking), partial(store.fingerprint, ranking)),
        f"PostgreSQL {ranking.name}": _Asked(
            partial(in_postgres, dsn, ranking), partial(_asked_of_postgres, checks.postgres_rows(), dsn, ranking)
        ),
    }


def _after_load(name: str, asked: _Asked, expected: Loaded) -> tuple[Check, Checksum]:
    older, last = asked.fingerprint(expected.versions[:-1]), expected.versions[-1:]
    fingerprint = older + asked.fingerprint(last)
    same = expected.older is not None and older == expected.older
    if same and expected.own is not None and asked.checksum(last) == expected.own:
        return Check(name, str(expected.sums), str(expected.sums)), fingerprint
    return Check(name, str(asked.checksum(expected.versions)), str(expected.sums)), fingerprint
