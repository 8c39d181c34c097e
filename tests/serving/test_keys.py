"""A key is looked up every few seconds, trusted for a bounded while without PostgreSQL, and never believed unseen."""

from __future__ import annotations

from datetime import timedelta

import psycopg2
import pytest
from pydantic import SecretStr

from serving.keys import KeyRing, create_key, key_hash
from serving.ports import ApiKey, StoreFailed
from serving.stores.memory import MemoryKeys
from serving.stores.postgres import Postgres, PostgresKeys
from tests.serving.world import NOW, Clock

KEY = "tl_some-key"
HASH = key_hash(KEY)


class Seconds:
    """A stopwatch that is set by hand."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys({HASH: ApiKey("tl_some", HASH, ("read",))})


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def ring(keys: MemoryKeys, clock: Clock, seconds: Seconds) -> KeyRing:
    return KeyRing(keys, recheck_seconds=5, grace_seconds=60, clock=clock, seconds=seconds)


def test_a_known_key_is_looked_up_once_in_a_while(ring: KeyRing, keys: MemoryKeys, seconds: Seconds) -> None:
    for _ in range(10):
        assert ring.holder(KEY)
    assert keys.switch.calls == 1
    seconds.at += 5
    assert ring.holder(KEY)
    assert keys.switch.calls == 2


def test_a_revoked_key_is_refused_after_the_recheck(ring: KeyRing, keys: MemoryKeys, seconds: Seconds) -> None:
    assert ring.holder(KEY)
    keys.revoke(HASH)
    seconds.at += 5
    assert ring.holder(KEY) is None


def test_a_removed_key_is_refused_and_forgotten(ring: KeyRing, keys: MemoryKeys, seconds: Seconds) -> None:
    assert ring.holder(KEY)
    keys.known.clear()
    seconds.at += 5
    assert ring.holder(KEY) is None
    keys.switch.away = True
    with pytest.raises(StoreFailed):
        ring.holder(KEY)


def test_an_expired_key_is_refused_at_once(ring: KeyRing, keys: MemoryKeys, clock: Clock) -> None:
    keys.known[HASH] = ApiKey("tl_some", HASH, ("read",), expires_at=NOW + timedelta(seconds=1))
    assert ring.holder(KEY)
    clock.forward(seconds=1)
    assert ring.holder(KEY) is None


def test_without_the_database_a_known_key_is_trusted_for_a_bounded_while(
    ring: KeyRing, keys: MemoryKeys, seconds: Seconds
) -> None:
    assert ring.holder(KEY)
    keys.switch.away = True
    seconds.at += 59
    assert ring.holder(KEY)
    seconds.at += 1
    with pytest.raises(StoreFailed):
        ring.holder(KEY)


def test_without_the_database_an_unseen_key_is_never_believed(ring: KeyRing, keys: MemoryKeys) -> None:
    keys.switch.away = True
    with pytest.raises(StoreFailed):
        ring.holder(KEY)


@pytest.mark.parametrize("wrong", ["", "tl_", "tl_some-key2", "x" * 201])
def test_any_other_key_is_unknown(ring: KeyRing, wrong: str) -> None:
    assert ring.holder(wrong) is None


@pytest.mark.servers
def test_the_database_keeps_the_hash_alone(platform: SecretStr) -> None:
    connection = psycopg2.connect(platform.get_secret_value())
    with connection:
        key = create_key(connection, "a test", ["read", "write"], NOW)
    assert key.startswith("tl_")
    assert len(key) == 46
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_keys::text FROM api_keys WHERE hash = %s", (key_hash(key),))
        (row,) = cursor.fetchone() or ("",)
    connection.close()
    assert key[11:] not in row
    found = PostgresKeys(Postgres(platform, 5.0)).find(key_hash(key))
    assert found == ApiKey(key[:11], key_hash(key), ("read", "write"), NOW)
