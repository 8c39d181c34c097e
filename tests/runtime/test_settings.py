"""A setting comes from the environment, else from a running stack's addresses, else from its default."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import Permanent
from runtime.settings import addresses_file, settings


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    settings.cache_clear()


def test_without_anything_the_default_holds(tmp_path: Path) -> None:
    assert settings().kafka == "127.0.0.1:9092"
    assert settings().home == tmp_path
    assert settings().warehouse == f"file://{tmp_path}/lake"


def test_the_addresses_of_a_running_stack_come_before_the_default() -> None:
    addresses_file().write_text('{"kafka": "127.0.0.1:19092", "something_newer": 1}')
    assert settings().kafka == "127.0.0.1:19092"


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses_file().write_text('{"kafka": "127.0.0.1:19092"}')
    monkeypatch.setenv("TIDELAKE_KAFKA", "broker:9092")
    assert settings().kafka == "broker:9092"


@pytest.mark.parametrize(
    ("name", "value"),
    [("TOPIC_PARTITIONS", "0"), ("BUSINESS_TIME_ZONE", "Mars/Olympus"), ("KAFKA_PORT", "99999")],
)
def test_a_value_that_is_not_valid_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"TIDELAKE_{name}", value)
    with pytest.raises(Permanent, match=rf"(?s)({name.lower()}|{value}).*docs/settings.md"):
        settings()


def test_passwords_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_PLATFORM_DSN", "postgresql://tidelake:s3cret@host/tidelake")
    assert "s3cret" not in repr(settings())
    assert "s3cret" in settings().platform_dsn.get_secret_value()
