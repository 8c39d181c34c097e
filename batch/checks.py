"""Whether the stores that answer hold what the lake says: looked at before a version is published, and on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    with connected(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(checks.postgres(), {"ranking": ranking.name, "versions": list(versions)})
        rows, value = cursor.fetchone() or (0, 0)
    return Checksum(int(rows), int(value))
