"""What the answers have to be, and what each path says: every sum of both rankings, to the cent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from clickhouse_connect.driver.exceptions import ClickHouseError

from rankings import oracle
from rankings.catalogue import RANKINGS
from rankings.oracle import NOTHING, Entry, Filter, SumKey, Total
from rankings.ranking import Ranking
from rankings.render.clickhouse import View, current_publication
from rankings.sale import Sale
from runtime.settings import Settings
from stack.shop.table import all_sales
from streaming.clickhouse import connect
from tests.exactness.log import LogReader, Refused

PATIENCE_SECONDS = 120.0
IMPATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.25
SHOWN = 12
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Sums = Mapping[SumKey, Total]


class Truth:
    """The sales that exist, by the shop's table and the other sources' records; and the comparison with each path."""

    def __init__(self, chosen: Settings) -> None:
        self._chosen = chosen
        self._log = LogReader(chosen)
        self.zone = ZoneInfo(chosen.business_time_zone)
        self._patience = PATIENCE_SECONDS

    def close(self) -> None:
        """Lets go of the log."""
        self._log.close()

    def sales(self) -> list[Sale]:
        """Every sale that exists."""
        self._log.catch_up()
        found = all_sales(self._chosen.source_dsn.get_secret_value()) + self._log.sales()
        twice = [key for key, times in Counter(sale.key for sale in found).items() if times > 1]
        assert not twice, f"the log knows {twice} as one sale each: a test has written two ids of one normal form"
        return found

    def refused(self) -> Mapping[tuple[str, int, int], Refused]:
        """Every record of the log that the contract refuses, by topic, partition and offset."""
        self._log.catch_up()
        return self._log.refused

    def sums(self) -> dict[Ranking, Sums]:
        """The oracle's sums."""
        sales = self.sales()
        return {ranking: oracle.sums(ranking, sales, self.zone) for ranking in RANKINGS}

    def equals_live(self) -> None:
        """All that the live job has kept comes to the oracle's sums, or does so soon."""
        self._becomes("live", live)

    def equals_merged(self) -> None:
        """History and live since the boundary come to the oracle's sums, or do so soon."""
        self._becomes("merged", merged)

    def equals_reconciled(self) -> None:
        """History alone comes to the oracle's sums: nothing may have happened since the reconciliation."""
        self._becomes("reconciled", reconciled)

    def equals_everywhere(self) -> None:
        """Live, merged and reconciled are the oracle's sums."""
        self.equals_reconciled()
        self.equals_merged()
        self.equals_live()

    def _becomes(self, path: str, read: Callable[[Any, Ranking], Sums]) -> None:
        wanted = self.sums()
        with closing(connect()) as client:
            self._until_equal(
                path, lambda: [line for each in RANKINGS for line in _differ(wanted[each], read(client, each))]
            )

    def equals_api(self, view: View = View.MERGED) -> None:
        """The API's answers are the oracle's, in every currency and for every ranking."""
        wanted = self.sums()
        with _api(self._chosen) as api:
            self._until_equal(f"the API's {view}", lambda: list(_differing_answers(api, view, wanted)))

    def _until_equal(self, path: str, differences: Callable[[], list[str]]) -> None:
        """Looks until there are no differences; then fails with the first of them."""
        give_up = time.monotonic() + self._patience
        while found := _asked(differences):
            if time.monotonic() > give_up:
                # What was once wrong stays wrong: the tests that follow need not wait as long to say so.
                self._patience = IMPATIENCE_SECONDS
                shown = "\n".join(found[:SHOWN])
                raise AssertionError(f"{path} differs from the oracle in {len(found)} places:\n{shown}")
            time.sleep(POLL_SECONDS)


def _asked(differences: Callable[[], list[str]]) -> list[str]:
    try:
        return differences()
    except (ClickHouseError, httpx.HTTPError) as error:
        return [f"no answer: {error}"]


def _differ(wanted: Sums, found: Sums) -> Iterable[str]:
    for key in wanted.keys() | found.keys():
        want, have = wanted.get(key, NOTHING), found.get(key, NOTHING)
        if want != have:
            yield f"{key}: is {have.amount} by {have.sales}, not {want.amount} by {want.sales}"


def live(client: Any, ranking: Ranking, boundary: datetime = EPOCH) -> Sums:
    """What the live job has kept since the boundary."""
    return _sums(client, ranking, f"{ranking.live_table} FINAL WHERE second >= {{since:DateTime64(3)}}", boundary)


def reconciled(client: Any, ranking: Ranking) -> Sums:
    """The history of the current publication."""
    source = f"{ranking.reconciled_table} FINAL WHERE version IN {{chain:Array(UInt32)}}"
    return _sums(client, ranking, source, EPOCH, publication(client)[1])


def merged(client: Any, ranking: Ranking) -> Sums:
    """Both, cut at the boundary of the current publication."""
    return _plus(reconciled(client, ranking), live(client, ranking, publication(client)[0]))


def publication(client: Any) -> tuple[datetime, tuple[int, ...]]:
    """Boundary and chain of the current publication; the epoch and nothing before the first."""
    rows = client.query(current_publication()).result_rows
    return (rows[0][1].replace(tzinfo=UTC), tuple(rows[0][2])) if rows else (EPOCH, ())


def _sums(
    client: Any, ranking: Ranking, source: str, since: datetime, chain: tuple[int, ...] = ()
) -> dict[SumKey, Total]:
    keys = ", ".join(name if name != "currency" else "toString(currency) AS currency" for name in ranking.sum_key)
    text = f"SELECT {keys}, sum(amount) AS total, sum(sales) AS count FROM {source} GROUP BY ALL"
    rows = client.query(text, parameters={"since": since, "chain": list(chain)}).result_rows
    found = {tuple(key): Total(Decimal(amount), int(count)) for *key, amount, count in rows}
    return {key: total for key, total in found.items() if total != NOTHING}


def _plus(one: Sums, other: Sums) -> Sums:
    added = {
        key: one.get(key, NOTHING).plus(other.get(key, NOTHING).amount, other.get(key, NOTHING).sales)
        for key in one.keys() | other.keys()
    }
    return {key: total for key, total in added.items() if total != NOTHING}


def _api(chosen: Settings) -> httpx.Client:
    key = chosen.api_key_file.read_text().strip()
    return httpx.Client(base_url=chosen.api, headers={"Authorization": f"Bearer {key}"}, timeout=30)


def _differing_answers(api: httpx.Client, view: View, wanted: Mapping[Ranking, Sums]) -> Iterable[str]:
    for ranking, sums in wanted.items():
        for currency in sorted({str(key[1]) for key in sums}):
            want = oracle.answer(ranking, sums, Filter(currency, limit=1000))
            have = _entries(api, ranking, {"currency": currency, "limit": "1000", "view": view.value})
            yield from (f"{ranking.name} {currency}: is {b}, not {a}" for a, b in _pairs(want, have) if a != b)


def _pairs(want: list[Entry], have: list[Entry]) -> Iterable[tuple[Entry | None, Entry | None]]:
    length = max(len(want), len(have))
    padded = ([*each, *[None] * (length - len(each))] for each in (want, have))
    return zip(*padded, strict=True)


def _entries(api: httpx.Client, ranking: Ranking, asked: dict[str, str]) -> list[Entry]:
    told = api.get(f"/v1/rankings/{ranking.name}", params=asked).raise_for_status().json()["data"]
    return [
        Entry(each["rank"], tuple(each[name] for name in ranking.subject), Decimal(each["amount"]), each["sales"])
        for each in told
    ]
