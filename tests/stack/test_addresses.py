"""Ports are chosen once and remembered, a setting decides or is refused, and others find the addresses."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.errors import Permanent
from runtime.settings import addresses_file, settings
from stack import addresses, ports
from stack.passwords import passwords


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_every_server_gets_a_port_of_its_own() -> None:
    chosen = addresses.choose()
    assert set(chosen) == {*addresses.PUBLIC, *addresses.INTERNAL}
    assert len(set(chosen.values())) == len(chosen)


def test_the_ports_of_the_last_start_are_taken_again() -> None:
    first = addresses.choose()
    addresses.write(first)
    assert addresses.choose() == first


def test_a_remembered_port_that_is_taken_gives_way(taken: int) -> None:
    first = addresses.choose()
    addresses.write({**first, "kafka": taken})
    again = addresses.choose()
    assert again["kafka"] != taken
    assert {**again, "kafka": 0} == {**first, "kafka": 0}


def test_a_setting_decides_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ports.free_port(set())
    monkeypatch.setenv("TIDELAKE_KAFKA_PORT", str(wanted))
    settings.cache_clear()
    assert addresses.choose()["kafka"] == wanted


def test_a_port_in_use_names_its_setting_and_its_holder(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDELAKE_API_PORT", str(taken))
    settings.cache_clear()
    with pytest.raises(Permanent) as error:
        addresses.choose()
    assert "TIDELAKE_API_PORT" in str(error.value)
    assert f"process {os.getpid()}" in str(error.value)


def test_a_port_of_another_programs_socket_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)
    assert ports.is_free(ports.free_port({taken}))


def test_other_processes_find_the_stack_through_their_settings() -> None:
    chosen = addresses.choose()
    addresses.write(chosen)
    assert settings().kafka == f"127.0.0.1:{chosen['kafka']}"
    assert settings().api == f"http://127.0.0.1:{chosen['api']}"
    source = settings().source_dsn.get_secret_value()
    assert source == f"postgresql://shop:{passwords()['shop']}@127.0.0.1:{chosen['postgres']}/shop"


def test_only_the_owner_reads_addresses_and_passwords(home: Path) -> None:
    addresses.write(addresses.choose())
    for path in (addresses_file(), home / "passwords.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_passwords_stay_and_differ(home: Path) -> None:
    first = passwords()
    assert passwords() == first
    assert len(set(first.values())) == len(first)
    assert json.loads((home / "passwords.json").read_text()) == first
