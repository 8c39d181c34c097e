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
from rankings.render import shapes
from serving.asked import Asked
from serving.breaker import Breaker
from serving.flights import Flights
from serving.found import Before, Entry, Publication, Ranked, SourceFares, SourceProgress, Standing
from serving.paging import trimmed
from serving.ports import StoreAway, StoreRefused
from serving.slots import Slots

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECT_SECONDS = 1
CONNECTIONS = 32

PARAMETER_BYTES = 60_000
"""Most bytes of one list of keys: ClickHouse refuses statements of more than 256 KiB, parameters included."""

Rows = Sequence[Sequence[Any]]


class ClickHouse:
    """The server. One client and its pool of connections serve all threads.

    Args:
        dsn: the address, with user, password and database.
        timeout_seconds: longest wait for one query, in whole seconds upwards; the server gives up on it then, too.
        breaker: keeps a dead server from costing every request the timeout.
        slots: how many queries run at one time.
    """

    def __init__(
        self, dsn: SecretStr, timeout_seconds: float, breaker: Breaker | None = None, slots: Slots | None = None
    ) -> None:
        self._dsn, self._timeout = dsn, timeout_seconds
        self._breaker = breaker or Breaker("ClickHouse")
        self._slots = slots or Slots("ClickHouse", CONNECTIONS, CONNECTIONS, timeout_seconds)
        self._connecting = Flights[Any]()
        self._made: Any = None

    def rows(self, text: str, parameters: Mapping[str, object] | None = None) -> Rows:
        """What the query gives.

        Raises:
            StoreAway: there is no answer.
            StoreRefused: ClickHouse answers with an error.
            Busy: too many queries are under way.
        """
        return self._slots.run(lambda: self._breaker.call(lambda: self._query(text, parameters)))

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

        # The library cuts off what is behind the point, and no wait at all is an error.
        seconds = math.ceil(self._timeout)
        return clickhouse_connect.get_client(
            dsn=self._dsn.get_secret_value(),
            pool_mgr=get_pool_manager(maxsize=CONNECTIONS, num_pools=2),
            # A session would let one query run at a time.
            autogenerate_session_id=False,
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=seconds,
            query_retries=0,
            # An answer is a few kilobytes: compressing it costs more than it saves.
            compress=False,
            tz_mode="aware",
            settings={"max_execution_time": seconds},
        )


class ClickHouseDeltas:
    """Reads the deltas."""

    def __init__(self, server: ClickHouse) -> None:
        self._server = server

    def publication(self) -> Publication | None:
        """The publication that answers are pinned to, or None before the first."""
        rows = self._server.rows(render.current_publication())
        return _publication(rows[0]) if rows else None

    def standing(self) -> Standing:
        """Publication, progress, quarantine and sources, in one round trip."""
        progress, quarantine, published, sources = self._server.rows(render.standing())[0]
        return Standing(
            _publication(published[0]) if published else None,
            tuple(_progress(row) for row in progress),
            _by_topic(quarantine),
            {source: int(sales) for source, _topics, sales in quarantine},
            tuple(SourceFares(*row) for row in sources),
        )

    def ranked(self, asked: Asked, publication: Publication | None) -> Ranked:
        """The figures, as one query pinned to the publication."""
        return ranked(asked, self._server.rows(_text(asked), parameters(asked, publication)))

    def names(self, label: Label, keys: Sequence[str]) -> dict[str, str]:
        """The names that are known of these keys."""
        text = render.names(label)
        return {key: name for some in _batches(keys) for key, name in self._server.rows(text, {"keys": some})}


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


def _text(asked: Asked) -> str:
    if asked.is_plain and not asked.after and asked.subject is None and asked.until is None:
        return render.query(asked.ranking, asked.view, by_country=asked.country is not None)
    return shapes.shaped(asked.ranking, asked.shape)


def parameters(asked: Asked, publication: Publication | None) -> dict[str, object]:
    """What the queries of a question bind; one entry more than asked for, to know whether there are more."""
    first, last = asked.days
    bound: dict[str, object] = {
        "currency": asked.currency,
        "first_day": first,
        "last_day": last,
        "limit": asked.after + asked.limit + 1,
        "after": asked.after,
        "versions": list(publication.versions) if publication else [],
        "boundary": publication.boundary if publication else EPOCH,
        "until": asked.until,
        "country": asked.country,
    }
    if asked.against:
        bound |= {"against_first": asked.against[0], "against_last": asked.against[1]}
    if asked.subject:
        columns = (f"subject_{column}" for column in asked.ranking.subject)
        bound |= dict(zip(columns, asked.subject, strict=True))
    return {name: value for name, value in bound.items() if value is not None}


def ranked(asked: Asked, rows: Rows) -> Ranked:
    """The rows of an answer's query as its figures."""
    if not rows:
        return Ranked(())
    width = len(asked.ranking.subject) + (asked.step is not None)
    turnover = width + 3 + (3 if asked.against else 0)
    live, everything = rows[0][turnover : turnover + 2]
    entries = tuple(_entry(asked, row, width) for row in rows)
    return trimmed(asked, entries, live, everything)


def _entry(asked: Asked, row: Sequence[Any], width: int) -> Entry:
    subject = tuple(row[width - len(asked.ranking.subject) + 1 : width + 1])
    rank, amount, sales = int(row[0]), row[width + 1], int(row[width + 2])
    before = Before(int(row[width + 3]), row[width + 4], int(row[width + 5])) if asked.against else None
    return Entry(rank, subject, amount, sales, period=row[1] if asked.step else None, before=before)
