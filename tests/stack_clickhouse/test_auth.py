"""One user with a password, given in any one of ClickHouse's three ways, and error 516 for everyone else."""

from __future__ import annotations

import base64

import httpx
import pytest

from runtime.errors import Permanent
from stack.clickhouse.auth import Account, account_of, check
from stack.clickhouse.errors import ClickHouseError
from tests.stack_clickhouse.gateway import PASSWORD, USER, Gateway

pytestmark = pytest.mark.servers

ACCOUNT = Account(USER, PASSWORD, "tidelake")


def _basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        (_basic(f"{USER}:{PASSWORD}"), {}),
        ({"x-clickhouse-user": USER, "x-clickhouse-key": PASSWORD}, {}),
        ({}, {"user": USER, "password": PASSWORD}),
    ],
)
def test_passes(headers: dict[str, str], params: dict[str, str]) -> None:
    check((ACCOUNT,), headers, params)


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        (_basic(f"{USER}:wrong"), {}),
        (_basic(f"other:{PASSWORD}"), {}),
        ({"authorization": "Basic §"}, {}),
        ({"authorization": "Bearer token"}, {}),
        ({}, {"user": USER}),
        (_basic(f"{USER}:{PASSWORD}"), {"user": USER, "password": PASSWORD}),
    ],
)
def test_refused(headers: dict[str, str], params: dict[str, str]) -> None:
    with pytest.raises(ClickHouseError) as raised:
        check((ACCOUNT,), headers, params)
    assert (raised.value.code, raised.value.status) == (516, 403)


def test_over_http(gateway: Gateway) -> None:
    response = httpx.post(gateway.url, content="SELECT 1", auth=(USER, "wrong"))
    assert response.status_code == 403
    assert response.headers["X-ClickHouse-Exception-Code"] == "516"
    assert response.text.startswith(f"Code: 516. DB::Exception: {USER}: Authentication failed")
    assert PASSWORD not in response.text


def test_health_needs_no_password(gateway: Gateway) -> None:
    for path in ("/", "/ping", "/replicas_status"):
        assert httpx.get(gateway.url + path).text == "Ok.\n"


def test_address_without_user_or_database() -> None:
    assert account_of("http://127.0.0.1:8123") == Account("default", "", "default")


def test_address_that_is_none() -> None:
    with pytest.raises(Permanent, match="TIDELAKE_CLICKHOUSE") as raised:
        account_of("tide:secret@127.0.0.1")
    assert "secret" not in str(raised.value)
