"""The API keeps its own reference, whatever is sent: schemathesis finds nothing, with Redis up and down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from schemathesis import GenerationMode

from runtime.settings import Settings
from serving.cache import RedisCache
from serving.compose import compose
from serving.http.app import create_app
from serving.keys import key_hash
from serving.ports import ApiKey
from tests.serving.conftest import free_port
from tests.serving.test_operation import filled, refused  # noqa: F401  (a fixture)
from tests.serving.test_routes import fill
from tests.serving.world import Clock, Doubles, history

KEY = "tl_schemathesis"
PATH = "/v1/rankings/top-sales-per-city"
EXAMPLES = 12
ENDLESS = "/v1/rankings/{name}/stream"
"""Answers as long as its reader listens; its own test reads it."""

PAIRS = (("from", "to"), ("against_from", "against_to"))


@pytest.fixture(params=[pytest.param("up", marks=pytest.mark.servers), "down"], ids=["Redis up", "Redis down"])
def app(request: pytest.FixtureRequest, doubles: Doubles, clock: Clock) -> Any:
    """The API over doubles, with sales in them and a key for everything; it keeps figures and counts calls in Redis."""
    doubles.keys.known[key_hash(KEY)] = ApiKey("tl_schema", key_hash(KEY), ("read", "operate"))
    fill(doubles, history(7, records=60))
    doubles.records.quarantine = [refused(number) for number in range(3)]
    is_up = request.param == "up"
    address = request.getfixturevalue("valkey") if is_up else SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    server = redis.Redis.from_url(address.get_secret_value())
    if is_up:
        server.flushall()
    chosen = Settings(redis=address, rate_limit="1000000/hour", position_wait_seconds=0)
    made = create_app(compose(chosen, replace(doubles.stores, cache=RedisCache(address)), clock))
    response = made.test_client().get(PATH, headers={"Authorization": f"Bearer {KEY}"})
    assert response.headers["Tidelake-Rate-Limit"] == ("allowed" if is_up else "unchecked")
    assert not is_up or len(list(server.scan_iter())) > 1
    return made


def tidy(case: Any) -> None:
    """What a schema cannot say: days in order, a cursor that came from the API, a version of some ranking."""
    query = case.query or {}
    query.pop("cursor", None)
    if query.get("view") == "reconciled":
        query.pop("min_position", None)
    for first, last in PAIRS:
        if first in query and last in query and str(query[first]) > str(query[last]):
            query[first], query[last] = query[last], query[first]
    if case.path.endswith(("/subject", "/why")):
        query.update({"country": "Germany", "city": "Berlin"})
        query.pop("salesman_id", None)


def impossible_day(case: Any) -> bool:
    """Such as the 31st of February, which the patterns let pass."""
    from datetime import date, datetime

    for name in ("from", "to", "against_from", "against_to"):
        try:
            date.fromisoformat(str((case.query or {}).get(name, "2026-01-01")))
        except ValueError:
            return True
    position = str((case.query or {}).get("min_position", ""))
    try:
        datetime.fromisoformat(position)
    except ValueError:
        return "T" in position and "/" not in position
    return False


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_every_answer_is_as_the_reference_says(app: Any, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    tried = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if operation.path == ENDLESS:
            continue
        if mode is GenerationMode.NEGATIVE and not operation.query and not operation.path_parameters:
            continue
        check(operation, mode)
        tried += 1
    assert tried >= 15


def check(operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE:
            tidy(case)
            if impossible_day(case):
                return
        # Its WSGI transport does not decompress; tests/serving/test_forms.py reads compressed answers.
        case.call_and_validate(headers={"Authorization": f"Bearer {KEY}", "Accept-Encoding": "identity"})

    ask()


INJECTIONS = (
    "' OR 1=1 --", "'; DROP TABLE publications; --", "Germany' UNION ALL SELECT * FROM system.users --",
    "{country:String}", "\\'; SELECT 1", "1); SELECT 1", "Germany\\", "') OR ('1'='1", "${jndi:ldap://x}",
    "%27%20OR%201",
    "$$; SELECT 1 $$", "/* */", "Robert'); DROP TABLE sales;--", "<script>alert(1)</script>", "{{7*7}}",
    "'||(SELECT 1)||'", "%(country)s",
)  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_injections_are_names_of_countries_that_never_sold(app: Any, text: str) -> None:
    client, headers = app.test_client(), {"Authorization": f"Bearer {KEY}"}
    whole = client.get(PATH, headers=headers).json["data"]
    given = client.get(PATH, query_string={"country": text}, headers=headers)
    assert (given.status_code, given.json["data"], given.json["country"]) == (200, [], text)
    for name in ("from", "limit", "currency", "view", "as_of", "min_position", "cursor"):
        assert client.get(PATH, query_string={name: text}, headers=headers).status_code == 400, name
    assert client.get(f"/v1/rankings/{text.replace('/', '')}", headers=headers).status_code in (404, 400)
    assert client.get(PATH, headers=headers).json["data"] == whole
