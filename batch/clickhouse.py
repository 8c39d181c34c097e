"""ClickHouse: where the differences go, and where the one row is written that flips the answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from io import BufferedIOBase
from typing import IO, Any

from batch.checksum import Checksum
from rankings.catalogue import RANKINGS
from rankings.ranking import Ranking
from rankings.render import checks, shapes
from rankings.render import clickhouse as render
from rankings.render import cluster as there
from rankings.render.cluster import Cluster
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings

Rows = Sequence[Sequence[Any]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that answers are or were pinned to.

    Attributes:
        version: its number, as in the ledger.
        boundary: its log time T, UTC.
        versions: the chain whose differences add up to it; its own number comes last.
        rankings: the names of the rankings that it has a history for.
    """

    version: int
    boundary: datetime
    versions: tuple[int, ...]
    rankings: tuple[str, ...]


@contextmanager
def connected(dsn: str) -> Iterator[Any]:
    """A client of clickhouse-connect, which this process shares.

    Raises:
        Retryable: there is no answer.
        Permanent: ClickHouse answers with an error.
    """
    from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
    from urllib3.exceptions import HTTPError

    try:
        yield _client(dsn, os.getpid())
    except (OperationalError, HTTPError, OSError) as error:
        raise Retryable("ClickHouse does not answer", received=str(error), todo="run it again once it is up") from error
    except ClickHouseError as error:
        raise Permanent("ClickHouse answered with an error", received=str(error)) from error


@lru_cache(maxsize=4)
def _client(dsn: str, process: int) -> Any:
    """One that stays: each new one asks the server three questions first, one of them for all of its settings.

    Without a session several threads can use it at a time. A child that is forked makes its own.
    """
    import clickhouse_connect

    return clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False)


class Stream(BufferedIOBase):
    """An answer that is read while it comes; `broken` is what has ended it early.

    A store that copies from it tells of such an end as of an error of its own.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.broken: Exception | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes, at most so many; empty at the end."""
        try:
            return self._source.read(-1 if size is None else size)
        except Exception as error:
            self.broken = error
            raise


class Store:
    """What a reconciliation asks of ClickHouse.

    Args:
        dsn: the address, with user, password and database.
        among: the rankings that there are.
        cluster: where the tables are, if not on one server.
    """

    def __init__(self, dsn: str, among: tuple[Ranking, ...], cluster: Cluster | None = None) -> None:
        self._dsn, self._among, self._cluster = dsn, among, cluster

    @classmethod
    def of(cls, settings: Settings, among: tuple[Ranking, ...] = RANKINGS) -> Store:
        """The one of the settings."""
        dsn = settings.clickhouse.get_secret_value()
        return cls(dsn, among, Cluster.of(settings.clickhouse_cluster, dsn))

    def prepare(self) -> None:
        """Makes the tables that are missing."""
        on, among = self._cluster, self._among
        made = there.on_cluster(on, among, tables_alone=True) if on else render.ddl(among)
        self.run((text, {}) for text in made)

    def current(self) -> Publication | None:
        """The publication that answers are pinned to."""
        return next(iter(self._publications(render.current_publication())), None)

    def published(self, version: int) -> Publication | None:
        """The publication of that version, if there ever was one."""
        text = "SELECT version, boundary, versions, rankings FROM publications WHERE version = {version:UInt32} LIMIT 1"
        return next(iter(self._publications(text, {"version": version})), None)

    def newest_version(self) -> int:
        """The greatest version that was ever published, or 0."""
        return int(self.rows("SELECT max(version) FROM publications")[0][0])

    def published_at(self, version: int) -> datetime | None:
        """When answers were last pinned to a version; None if they never were."""
        text = "SELECT max(published_at) FROM publications WHERE version = {version:UInt32} HAVING count() > 0"
        return next((aware(at) for (at,) in self.rows(text, {"version": version})), None)

    def publications(self) -> list[tuple[Publication, datetime]]:
        """Every publication with its time, the last one first."""
        rows = self.rows(
            "SELECT version, boundary, versions, rankings, published_at FROM publications ORDER BY published_at DESC"
        )
        return [(Publication(row[0], aware(row[1]), tuple(row[2]), tuple(row[3])), aware(row[4])) for row in rows]

    def checksum(self, ranking: Ranking, versions: Sequence[int]) -> Checksum:
        """The checksum of a ranking's sums as a chain of versions adds up to them."""
        row = self.rows(checks.clickhouse(ranking), {"versions": list(versions)})[0]
        return Checksum(int(row[0]), int(row[1]))

    def fingerprint(self, ranking: Ranking, versions: Sequence[int]) -> Checksum:
        """A cheap checksum of a ranking's rows of some versions: it tells whether they are still what they were."""
        row = self.rows(checks.clickhouse_rows(ranking), {"versions": list(versions)})[0]
        return Checksum(int(row[0]), int(row[1]))

    def next_moment(self) -> datetime:
        """The time of a publication that is later than every other."""
        return _behind(self.rows("SELECT max(published_at) FROM publications"))

    def publish(self, publication: Publication, at: datetime) -> None:
        """Pins all answers to a version, from a time on: one row, which does not count where there is a later one."""
        row = [publication.version, publication.boundary, publication.versions, publication.rankings, at]
        self.insert("publications", ["version", "boundary", "versions", "rankings", "published_at"], [row])

    def not_dropped(self, versions: Iterable[int]) -> list[int]:
        """Those of some versions that have not been dropped, as far as that was noted."""
        for newest, kept, _ in self.rows(shapes.kept()):
            return [version for version in versions if version > newest or version in kept]
        return list(versions)

    def cared(self, newest: int, versions: Sequence[int], live_from: datetime) -> None:
        """Notes what will be left of the versions up to one, and from which log time on of the live deltas."""
        names = ["cared_at", "newest", "versions", "live_from"]
        at = _behind(self.rows("SELECT max(cared_at) FROM care"))
        self.insert("care", names, [[at, newest, list(versions), live_from]])

    def live_anew(self, live_from: datetime) -> None:
        """Notes that of the live deltas those from a log time on are to be read; what else was noted stays."""
        newest, versions, before = next(iter(self.rows(shapes.kept())), (0, (), EPOCH))
        self.cared(newest, versions, max(aware(before), live_from))

    def drop(self, version: int) -> None:
        """Removes a version's rows; nothing happens if it has none."""
        tables = [ranking.reconciled_table for ranking in self._among] + ["drift"]
        self.run((there.drop_partition(table, f"{version:d}"), {}) for table in tables)

    @contextmanager
    def csv(self, text: str, bound: Mapping[str, object]) -> Iterator[Stream]:
        """The rows of a query as CSV, to be read while they come.

        Raises:
            Retryable: ClickHouse does not answer, or its answer breaks off while the block reads it.
            Permanent: ClickHouse answers with an error.
        """
        with connected(self._dsn) as client:
            rows = Stream(client.raw_stream(text, parameters=bound, fmt="CSV"))
            try:
                yield rows
            except Exception:
                if rows.broken:
                    raise rows.broken from None
                raise

    def insert(self, table: str, columns: Sequence[str], rows: Rows) -> None:
        """Inserts rows."""
        with connected(self._dsn) as client:
            client.insert(table, rows, column_names=columns)

    def loaded_versions(self) -> list[int]:
        """Every version that a ranking's history or the drift has rows of."""
        tables = [ranking.reconciled_table for ranking in self._among] + ["drift"]
        rows = self.rows(there.loaded_versions(self._cluster), {"tables": tables})
        return sorted(int(version) for (version,) in rows)

    def live_zone(self) -> str | None:
        """The business time zone whose days the live deltas have, if live has ever begun."""
        return next((zone for zone, _ in self.rows(render.live_zone())), None)

    def drop_live_before(self, ranking: Ranking, day: date) -> int:
        """Drops the live deltas of log days before a day; how many days these were."""
        bound = {"table": ranking.live_table, "day": day.isoformat()}
        found = self.rows(there.live_days_before(self._cluster), bound)
        days = sorted(date.fromisoformat(str(text).strip("'")) for (text,) in found)
        self.run((there.drop_partition(ranking.live_table, f"'{each.isoformat()}'"), {}) for each in days)
        return len(days)

    def _publications(self, text: str, bound: Mapping[str, object] | None = None) -> list[Publication]:
        rows = self.rows(text, bound)
        return [Publication(row[0], aware(row[1]), tuple(row[2]), tuple(row[3])) for row in rows]

    def rows(self, text: str, bound: Mapping[str, object] | None = None) -> Rows:
        """The rows of a query."""
        with connected(self._dsn) as client:
            rows: Rows = client.query(text, parameters=bound).result_rows
        return rows

    def run(self, statements: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Runs statements, each with what it binds; on a cluster, what alters a table in all of its shards."""
        with connected(self._dsn) as client:
            for text, bound in statements:
                client.command(there.altered(text, self._cluster), parameters=bound or None)


def _behind(last: Rows) -> datetime:
    """The time, or one behind the last that a table has: of its rows the last one counts, and clocks go back."""
    return max(datetime.now(UTC), aware(last[0][0]) + timedelta(microseconds=1))


def aware(time: datetime) -> datetime:
    """clickhouse-connect gives times of UTC columns without their zone."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
