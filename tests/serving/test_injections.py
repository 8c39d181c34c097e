"""SQL in a parameter is a name like any other: the real stores find what has that name, and nothing changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from rankings.catalogue import RANKINGS
from rankings.oracle import Filter
from rankings.ranking import Ranking
from rankings.render.clickhouse import View
from runtime.settings import Settings
from serving.asked import Asked
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import create_key
from tests.serving.test_contract import INJECTIONS
from tests.serving.test_real_stores import Real, real  # noqa: F401  (a fixture)
from tests.serving.world import NOW, Caller, Change, expected, history, sale, totals, without_names

pytestmark = pytest.mark.servers

OTHERS = ("' OR '1'='1", "x' AND sleep(3) AND '1'='1", "{limit:UInt32}", "\\", "'", '"', "`", "--", ";")
TEXTS = (*INJECTIONS, *OTHERS)


@pytest.fixture
def changes(real: Real) -> list[Change]:  # noqa: F811
    """Sales in places of those names, in history and live, among others."""
    some = history(5)
    named = [sale(f"n{n}", country=text, city=text, salesman_id=text) for n, text in enumerate(TEXTS)]
    made = sorted([*some, *((some[n * 15][0], each) for n, each in enumerate(named))], key=lambda change: change[0])
    real.live(made)
    real.reconcile(made, some[200][0].replace(microsecond=0), 1)
    real.seen_through(NOW)
    real.clock.forward(seconds=1)
    return made


def tables(real: Real) -> list[tuple[Any, ...]]:  # noqa: F811
    """Every table of both databases, and how many rows those of ClickHouse have."""
    query = "SELECT name, total_rows FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    with real.connection, real.connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
        return [*real.client.query(query).result_rows, *cursor.fetchall()]


def about(ranking: Ranking, text: str) -> dict[str, str]:
    """The parameters that name a subject."""
    return dict.fromkeys(ranking.subject, text)


def test_clickhouse_finds_what_has_that_name_and_nothing_changes(real: Real, changes: list[Change]) -> None:  # noqa: F811
    before = tables(real)
    whole = {ranking: real.caller.answer(ranking.name, limit="1000")["data"] for ranking in RANKINGS}
    period = {"from": "2026-03-29", "to": "2026-03-31", "against_from": "2026-03-01", "against_to": "2026-03-28"}
    for ranking in RANKINGS:
        sums, address = totals(ranking, changes), f"/v1/rankings/{ranking.name}"
        for text in TEXTS:
            (line,) = expected(ranking, sums, Filter("EUR", country=text, limit=10))
            assert without_names(real.caller.answer(ranking.name, country=text)["data"]) == [line]
            assert real.caller.answer(ranking.name, country=f"{text}x")["data"] == []
            for path, parameters in (
                (f"{address}/over-time", {"country": text}),
                (f"{address}/compare", {"country": text, **period}),
            ):
                data = real.caller.get(path, **parameters).json["data"]
                assert [(each["country"], each["amount"]) for each in data] == [(text, line["amount"])], path
            given = real.caller.get(f"{address}/subject", **about(ranking, text)).json
            assert given["standing"]["amount"] == line["amount"]
            why = real.stores.why.reasons(Asked(ranking, View.MERGED, "EUR", subject=(text, text)), None)
            assert [day.live_sales for day in why.days] == [1]
        assert real.caller.answer(ranking.name, limit="1000")["data"] == whole[ranking]
    assert tables(real) == before


def test_postgresql_finds_what_has_that_name(
    real: Real,  # noqa: F811
    changes: list[Change],
    platform: SecretStr,
    valkey: SecretStr,
) -> None:
    nowhere = SecretStr("http://default:secret@127.0.0.1:9/tidelake")
    app = create_app(compose(Settings(clickhouse=nowhere, platform_dsn=platform, redis=valkey), clock=real.clock))
    caller = Caller(app.test_client(), real.caller.key)
    boundary = datetime.fromisoformat(caller.answer(RANKINGS[0].name)["evidence"]["boundary"])
    reconciled = [each for each in changes if each[0] < boundary]
    found = 0
    for ranking in RANKINGS:
        for text in TEXTS:
            given = caller.answer(ranking.name, country=text)
            assert given["evidence"]["store"] == "postgresql"
            lines = expected(ranking, totals(ranking, reconciled), Filter("EUR", country=text, limit=10))
            assert without_names(given["data"]) == lines
            found += len(lines)
    assert found > len(TEXTS) / 2


def test_what_operators_name_is_looked_up_as_it_is(real: Real, changes: list[Change]) -> None:  # noqa: F811
    with real.connection:
        operator = Caller(real.caller.client, create_key(real.connection, "operator", ["read", "operate"]))
    before = tables(real)
    for text in TEXTS:
        assert operator.get("/v1/drift", ranking=text).status_code == 404
        assert operator.get("/v1/quarantine", topic=text).status_code in (200, 400)
        assert operator.get(f"/v1/evidence/{quote(text, safe='')}").status_code == 404
        headers = {"Authorization": f"Bearer {operator.key}"}
        path = f"/v1/quarantine/{quote(text, safe='')}/discard"
        refused = operator.client.post(path, query_string={"why": text}, headers=headers)
        assert refused.status_code == 404, refused.text
        assert Caller(operator.client, text).get("/v1/rankings").status_code == 401
    assert tables(real) == before
