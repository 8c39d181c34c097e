"""A program that adds a ranking in the one place there is, and prints as JSON where it then is found."""

from __future__ import annotations

import json
from typing import Any

from rankings import catalogue
from rankings.ranking import Ranking, Sum

TOP_COUNTRIES = Ranking("top-countries", "Top countries", ("country",), (), Sum("amount"))


class Recorder:
    """Takes the place of Flink's planner, and keeps what it is told."""

    def __init__(self) -> None:
        self.functions: list[str] = []

    def create_temporary_system_function(self, name: str, _function: object) -> None:
        self.functions.append(name)

    def execute_sql(self, _statement: str) -> None:
        """Sinks are not looked at."""


def clickhouse() -> list[str]:
    from rankings.render.clickhouse import ddl

    return [statement for statement in ddl() if "top_countries" in statement]


def flink() -> dict[str, Any]:
    from runtime.settings import settings
    from streaming.jobs.live import inserts

    recorder = Recorder()
    return {"inserts": inserts(recorder, settings())[-1], "functions": recorder.functions}


def spark() -> dict[str, Any]:
    import inspect

    from batch.reconcile import reconcile
    from rankings.render import lake as render

    computed = inspect.signature(reconcile).parameters["among"].default
    return {"computed": [ranking.name for ranking in computed], "ddl": render.ddl(computed)[-1]}


def lineage() -> list[str]:
    from metadata.lineage import lineage, route

    return [dataset.name for dataset in lineage().way_to(route(TOP_COUNTRIES)).datasets]


def api() -> dict[str, Any]:
    from runtime.settings import settings
    from serving.compose import compose
    from serving.http.app import create_app
    from serving.keys import key_hash
    from serving.ports import ApiKey
    from serving.stores.memory import MemoryCache, MemoryDeltas, MemoryKeys, MemoryTotals
    from tests.serving.world import Doubles

    key = key_hash("tl_key")
    keys = MemoryKeys({key: ApiKey("tl_key", key, ("read",))})
    stores = Doubles(MemoryDeltas(), MemoryTotals(), keys, MemoryCache()).stores
    client = create_app(compose(settings(), stores)).test_client()
    headers = {"Authorization": "Bearer tl_key"}
    listed = client.get("/v1/rankings", headers=headers).get_json()["data"]
    answer = client.get("/v1/rankings/top-countries", query_string={"currency": "EUR"}, headers=headers)
    return {
        "listed": [each["name"] for each in listed],
        "status": answer.status_code,
        "data": answer.get_json()["data"],
    }


if __name__ == "__main__":
    # What a further row of the catalogue would do; everything else is imported afterwards, by the functions above.
    catalogue.RANKINGS = (*catalogue.RANKINGS, TOP_COUNTRIES)
    print(json.dumps({part.__name__: part() for part in (clickhouse, flink, spark, lineage, api)}))  # noqa: T201
