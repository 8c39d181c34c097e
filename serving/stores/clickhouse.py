"""ClickHouse: the store of all deltas."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import SecretStr

from rankings.ranking import Label
from rankings.render import clickhouse as render
from serving.asked import Asked
from serving.breaker import Breaker
from serving.flights import Flights
from serving.found import Entry, Publication, Ranked, SourceProgress, Standing
from serving.ports import StoreAway, StoreRefused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECT_SECONDS = 1
CONNECTIONS = 32

PARAMETER_BYTES = 60_000
"""Most bytes of one list of keys: ClickHouse refuses statements of more than 256 KiB, parameters included."""

Rows = Sequence[Sequence[Any]]


class ClickHouseDeltas:
    """Reads the deltas. One client and its pool of connections serve all threads.

    Args:
        dsn: the address, with user, password and database.
        timeout_seconds: longest wait for one query; the server gives up on it then, too.
        breaker: keeps a dead server from costing every request the timeout.
    """

    def __init__(self, dsn: SecretStr, timeout_seconds: float, breaker: Breaker | None = None) -> None:
        self._dsn, self._timeout = dsn, timeout_seconds
        self._breaker = breaker or Breaker("ClickHouse")
        self._connecting = Flights[Any]()
        self._made: Any = None

    def publication(self) -> Publication | None:
        """The publication that answers are pinned to, or None before the first."""
        rows = self._rows(render.current_publication())
        return _publication(rows[0]) if rows else None

    def standing(self) -> Standing:
        """Publication, progress and quarantine, in one round trip."""
        progress, quarantine, published = self._rows(render.standing())[0]
        return Standing(
            _publication(published[0]) if published else None,
            tuple(_progress(row) for row in progress),
            _by_topic(quarantine),
            {source: int(sales) for source, _topics, sales in quarantine},
        )

    def ranked(self, asked: Asked, publication: Publication | None) -> Ranked:
        """The figures, as one query pinned to the publication."""
        text = render.query(asked.ranking, asked.view, by_country=asked.country is not None)
        return _ranked(self._rows(text, _parameters(asked, publication)), len(asked.ranking.subject))

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """The names that are known of these keys."""
        text = render.names(label)
        return {key: name for some in _batches(keys) for key, name in self._rows(text, {"keys": some})}

    def _rows(self, text: str, parameters: Mapping[str, object] | None = None) -> Rows:
        return self._breaker.call(lambda: self._query(text, parameters))

    def _query(self, text: str, parameters: Mapping[str, object] | None) -> Rows:
        from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
        from urllib3.exceptions import HTTPError

        try:
            rows: Rows = self._client().query(text, parameters=parameters).result_rows
        except (OperationalError, HTTPError, OSError) as error:
            raise StoreAway("ClickHouse does not answer", received=str(error)) from error
        except ClickHouseError as error:
            structlog.get_logger().error("ClickHouse refused a query", exc_info=True)
            raise StoreRefused("ClickHouse answered with an error", received=str(error)) from error
        return rows

    def _client(self) -> Any:
        if self._made is None:
            # Who comes while one connects waits for its outcome, instead of waiting for another timeout after it.
            self._made = self._connecting.run("client", self._connect)
        return self._made

    def _connect(self) -> Any:
        import clickhouse_connect
        from clickhouse_connect.driver.httputil import get_pool_manager

        return clickhouse_connect.get_client(
            dsn=self._dsn.get_secret_value(),
            pool_mgr=get_pool_manager(maxsize=CONNECTIONS, num_pools=2),
            # A session would let one query run at a time.
            autogenerate_session_id=False,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=self._timeout,
            query_retries=0,
            # An answer is a few kilobytes: compressing it costs more than it saves.
            compress=False,
            tz_mode="aware",
            settings={"max_execution_time": math.ceil(self._timeout)},
        )


def _publication(row: Sequence[Any]) -> Publication:
    version, boundary, versions, rankings, published_at = row
    return Publication(int(version), boundary, tuple(map(int, versions)), tuple(rankings), published_at)


def _batches(keys: Sequence[str]) -> Iterator[list[str]]:
    """The keys in lists that are short enough to be one parameter."""
    batch: list[str] = []
    size = 0
    for key in keys:
        batch.append(key)
        size += len(key.encode()) + len("'', ")
        if size > PARAMETER_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _progress(row: Sequence[Any]) -> SourceProgress:
    topic, seen_through, _measured_at, lag = row
    return SourceProgress(topic, seen_through if seen_through > EPOCH else None, int(lag))


def _by_topic(quarantine: Rows) -> dict[str, int]:
    found: Counter[str] = Counter()
    for _source, topics, _sales in quarantine:
        found.update({topic: int(records) for topic, records in topics.items()})
    return dict(sorted(found.items()))


def _parameters(asked: Asked, publication: Publication | None) -> dict[str, object]:
    first, last = asked.days
    return {
        "currency": asked.currency,
        "first_day": first,
        "last_day": last,
        "limit": asked.limit,
        "versions": list(publication.versions) if publication else [],
        "boundary": publication.boundary if publication else EPOCH,
        **({} if asked.country is None else {"country": asked.country}),
    }


def _ranked(rows: Rows, width: int) -> Ranked:
    if not rows:
        return Ranked(())
    live, everything = rows[0][width + 3 : width + 5]
    entries = tuple(Entry(int(row[0]), tuple(row[1 : width + 1]), row[width + 1], int(row[width + 2])) for row in rows)
    return Ranked(entries, live, everything)
