"""A real ClickHouse answers questions of every shape as the doubles do, and tells what stands beside the answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rankings.catalogue import RANKINGS, TOP_SALES_PER_CITY
from rankings.render.clickhouse import View
from rankings.render.shapes import Step
from serving.asked import Asked
from serving.stores.memory import MemoryDeltas
from tests.serving.test_real_stores import Real, real  # noqa: F401  (a fixture)
from tests.serving.world import NOW, deltas, difference, history, publication, totals

pytestmark = pytest.mark.servers

BERLIN = {"country": "Germany", "city": "Berlin"}


def questions(boundary: Any) -> list[Asked]:
    """Every shape, for each ranking."""
    found = []
    for ranking in RANKINGS:
        plain = Asked(ranking, View.MERGED, "EUR", limit=3)
        period = (date(2026, 3, 27), date(2026, 3, 28))
        found += [
            plain,
            replace(plain, after=2),
            replace(plain, until=boundary + timedelta(minutes=2)),
            replace(plain, view=View.RECONCILED, step=Step.MONTH),
            replace(plain, step=Step.DAY),
            replace(plain, view=View.LIVE, step=Step.WEEK, country="Österreich"),
            replace(plain, against=period, first_day=date(2026, 3, 29), last_day=date(2026, 3, 30)),
            replace(
                plain,
                subject=("Germany", "s2" if "salesman_id" in ranking.subject else "Zürich"),
                step=Step.DAY,
                limit=1000,
            ),
            replace(plain, subject=("Germany", "s1" if "salesman_id" in ranking.subject else "Berlin"), limit=1000),
        ]
    return found


def test_every_shape_is_answered_as_the_oracle_answers_it(real: Real) -> None:  # noqa: F811
    changes = history(3)
    boundary = changes[200][0].replace(microsecond=0)
    real.live(changes)
    real.reconcile(changes, boundary, 1)
    double = MemoryDeltas()
    for ranking in RANKINGS:
        double.live[ranking.name] = [row[:3] for row in deltas(ranking, changes)]
        before = totals(ranking, [each for each in changes if each[0] < boundary])
        double.reconciled[ranking.name] = {1: difference(before, {})}
    pinned = publication(1, boundary)
    store = real.stores.deltas
    for asked in questions(boundary):
        assert store.ranked(asked, pinned) == double.ranked(asked, pinned), asked


def test_what_stands_beside_the_answers(real: Real) -> None:  # noqa: F811
    changes = history(3)
    boundary = changes[200][0].replace(microsecond=0)
    real.live(changes)
    real.reconcile(changes, boundary, 1)
    real.reconcile(changes, boundary + timedelta(minutes=1), 2)
    real.publish(1, boundary)
    real.seen_through(NOW)
    drift = ["version", "ranking", "business_day", "currency", "subject", "live_amount", "reconciled_amount",
             "live_sales", "reconciled_sales", "cause"]  # fmt: skip
    row = [
        2,
        TOP_SALES_PER_CITY.name,
        date(2026, 3, 30),
        "EUR",
        ["Germany", "Berlin"],
        Decimal(1),
        Decimal(3),
        1,
        2,
        "x",
    ]
    real.client.insert("drift", [row], column_names=drift)
    columns = ["hop", "topic", "partition", "offset", "log_time", "field", "reason", "key", "payload"]
    real.client.insert(
        "quarantine", [["stream", "events.rest", 0, 7, NOW, "amount", "no", b"k\xff", b'{"source": "web"}']],
        column_names=columns,
    )  # fmt: skip

    def get(path: str, **parameters: str) -> Any:
        response = real.caller.get(path, **parameters)
        assert response.status_code == 200, response.text
        return response.json

    lines = get("/v1/publications")["data"]
    assert [(each["version"], each["times"], each["current"]) for each in lines] == [(2, 1, False), (1, 2, True)]
    assert get("/v1/publications/2")["status"] == "published"
    found = get("/v1/drift", version="2")
    assert (found["data"][0]["reconciled_amount"], found["summary"][0]["sums"]) == ("3.00", 1)
    (refused,) = get("/v1/quarantine")["data"]
    assert (refused["id"], refused["key"], refused["source"]) == ("events.rest/0/7", "k\ufffd", "web")
    assert get("/v1/quarantine", state="replayed")["data"] == []
    assert get("/v1/freshness")["data"][0]["lag_records"] == 0
    why = get(f"/v1/rankings/{TOP_SALES_PER_CITY.name}/why", **BERLIN)
    days = sum(Decimal(each["reconciled_amount"]) + Decimal(each["live_amount"]) for each in why["days"])
    assert days == Decimal(why["standing"]["amount"])
    assert why["deltas"]
    assert why["sales"] is None
    assert "lake" in why["sales_missing"]
    position = f"{'cdc.public.sales'}/0/9"
    assert get(f"/v1/rankings/{TOP_SALES_PER_CITY.name}", min_position=position)["evidence"]["store"] == "clickhouse"


def test_operator_calls_are_kept_in_the_database(real: Real) -> None:  # noqa: F811
    from serving.records import OperatorCall

    call = OperatorCall(NOW, "r1", "tl_x", "publications.publish", "2", "done", "said")
    real.stores.audit.write(call)
    assert call in real.stores.audit.read(NOW + timedelta(microseconds=1), 10)
    assert real.stores.audit.read(NOW, 1000) == ()
