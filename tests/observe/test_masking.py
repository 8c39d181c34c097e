"""Secrets are masked wherever they stand in an event, and everything else stays readable."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr

from observe.masking import MASK, masked, masked_text


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "key", "api_key", "apiKey", "token", "datahub_token", "Authorization", "source_dsn"],
)
def test_a_value_of_a_telling_name_is_masked(name: str) -> None:
    assert masked({"outer": [{name: "s3cret"}]}) == {"outer": [{name: MASK}]}


@pytest.mark.parametrize("name", ["keys", "sale_id", "monkey", "tokens_read", "reason"])
def test_a_value_of_another_name_is_kept(name: str) -> None:
    assert masked({name: "plain"}) == {name: "plain"}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://shop:s3cret@127.0.0.1:5432/shop",
        "cannot reach redis://:s3cret@127.0.0.1/0 at all",
        "http://default:s3c@s3cret@host:8123/tidelake",
        "host=127.0.0.1 password=s3cret user=shop",
        "{'password': 's3cret', 'rows': 3}",
        "Authorization: Bearer s3cret.s3cret-s3cret",
    ],
)
def test_a_secret_inside_a_text_is_masked(text: str) -> None:
    assert "s3c" not in masked_text(text)


@pytest.mark.parametrize("text", ["http://127.0.0.1:8123/ping", "read a basic fact", "mail a@b.example, 12:30"])
def test_a_text_without_secrets_is_kept(text: str) -> None:
    assert masked_text(text) == text


def test_values_become_plain_json() -> None:
    event = {"amount": Decimal("1.20"), "at": datetime(2026, 1, 2, tzinfo=UTC), "raw": b"\xff", "of": SecretStr("x")}
    assert masked(event) == {"amount": "1.20", "at": "2026-01-02T00:00:00+00:00", "raw": "\ufffd", "of": "**********"}


def test_a_value_that_holds_itself_ends() -> None:
    circle: list[object] = []
    circle.append(circle)
    assert "[...]" in str(masked(circle))
