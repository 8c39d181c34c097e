"""Operators make, end and replace keys; the API believes it at once, and the audit log has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from runtime.cli import app
from runtime.errors import Permanent
from runtime.settings import settings
from serving.key_admin import KeyAdmin
from serving.keys import KeyRing, key_id
from serving.stores.postgres import Postgres, PostgresKeys

pytestmark = pytest.mark.servers


@pytest.fixture
def connection(platform: SecretStr) -> Iterator[Any]:
    opened = psycopg2.connect(platform.get_secret_value())
    with opened, opened.cursor() as cursor:
        cursor.execute("TRUNCATE api_keys, audit")
    yield opened
    opened.close()


@pytest.fixture
def admin(connection: Any) -> KeyAdmin:
    connection.autocommit = True
    return KeyAdmin(connection, "ana")


@pytest.fixture
def ring(platform: SecretStr) -> KeyRing:
    return KeyRing(PostgresKeys(Postgres(platform, 5)), 0, 0)


def test_a_key_counts_until_it_is_ended(admin: KeyAdmin, ring: KeyRing) -> None:
    key = admin.create("web", ["operate", "read"], None)
    holder = ring.holder(key)
    assert holder is not None
    assert holder.scopes == ("operate", "read")
    admin.expire(key_id(key), datetime.now(UTC) + timedelta(days=1))
    assert ring.holder(key)
    admin.expire(key_id(key), datetime.now(UTC) - timedelta(seconds=1))
    assert ring.holder(key) is None
    other = admin.create("web", ["read"], None)
    admin.revoke(key_id(other))
    assert ring.holder(other) is None
    assert [each.state(datetime.now(UTC)) for each in admin.all()] == ["expired", "revoked"]


def test_an_end_that_was_said_before_is_not_put_off(admin: KeyAdmin) -> None:
    key = admin.create("web", ["read"], datetime.now(UTC) + timedelta(hours=1))
    assert admin.expire(key_id(key), datetime.now(UTC) + timedelta(days=9)) < datetime.now(UTC) + timedelta(hours=2)


def test_a_key_in_place_of_another(admin: KeyAdmin, ring: KeyRing) -> None:
    old = admin.create("web", ["operate", "read"], None)
    new = admin.rotate(key_id(old), timedelta(hours=1))
    assert ring.holder(old)
    holder = ring.holder(new)
    assert holder is not None
    assert holder.scopes == ("operate", "read")
    now = admin.rotate(key_id(new), timedelta(0))
    assert ring.holder(new) is None
    assert ring.holder(now)


def test_what_cannot_be_is_told(admin: KeyAdmin) -> None:
    for scopes in ([], ["read", "write"]):
        with pytest.raises(Permanent, match="scopes"):
            admin.create("web", scopes, None)
    with pytest.raises(Permanent, match="expired"):
        admin.create("web", ["read"], datetime.now(UTC))
    for change in (admin.revoke, lambda name: admin.rotate(name, timedelta(0))):
        with pytest.raises(Permanent, match="no such key"):
            change("tl_nothing")
    key = key_id(admin.create("web", ["read"], None))
    admin.revoke(key)
    with pytest.raises(Permanent, match="no such key"):
        admin.revoke(key)


def test_the_command(connection: Any, platform: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_PLATFORM_DSN", platform.get_secret_value())
    settings.cache_clear()
    run = CliRunner()
    key = run.invoke(app(), ["keys", "create", "web", "--scope", "operate", "--expires-in", "1h"]).stdout.strip()
    (listed,) = json.loads(run.invoke(app(), ["keys", "list", "--json"]).stdout)
    assert (listed["key_id"], listed["scopes"], listed["state"]) == (key_id(key), ["operate"], "valid")
    assert key not in run.invoke(app(), ["keys", "list"]).stdout
    assert run.invoke(app(), ["keys", "revoke", key_id(key)]).exit_code == 0
    assert json.loads(run.invoke(app(), ["keys", "list", "--json"]).stdout)[0]["state"] == "revoked"
    settings.cache_clear()
    with connection.cursor() as cursor:
        cursor.execute("SELECT action, target FROM audit ORDER BY id")
        assert cursor.fetchall() == [("keys.create", key_id(key)), ("keys.revoke", key_id(key))]
