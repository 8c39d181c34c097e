"""A server that lets in only whom it knows over TLS is read with the certificates that the dsn names."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from psycopg2.extensions import make_dsn, parse_dsn

from runtime.settings import Settings
from streaming.sources.postgres.check import check
from streaming.sources.postgres.definition import PostgresSource
from tests.sources.postgres import world
from tests.sources.postgres.conftest import Ending
from tests.sources.postgres.front import front
from tests.sources.postgres.test_direct import TABLE, agree, bills
from tests.sources.web.authority import Authority

pytestmark = pytest.mark.servers


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority.made(tmp_path, "ours")


@pytest.fixture
def port(servers: Settings, ours: Authority) -> Iterator[int]:
    """Where the server is reached over TLS, with a certificate."""
    inner = int(parse_dsn(servers.replication_dsn.get_secret_value())["port"])
    with front(("127.0.0.1", inner), ours.serving(ssl.CERT_REQUIRED)) as found:
        yield found


def binary(key: Path) -> Path:
    """A key in PKCS #8 and DER, which both of the database's clients read."""
    told = serialization.load_pem_private_key(key.read_bytes(), None)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    made = key.with_suffix(".pk8")
    made.write_bytes(told.private_bytes(serialization.Encoding.DER, form, plain))
    made.chmod(0o600)
    return made


def address(chosen: Settings, port: int, **told: object) -> str:
    options = {**parse_dsn(chosen.replication_dsn.get_secret_value()), "port": port, **told}
    return str(make_dsn(**options))


def test_a_source_is_read_over_tls_with_a_certificate_and_not_without(
    port: int, schema: str, servers: Settings, ending: Ending, ours: Authority, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    world.do(TABLE.format(schema=schema))
    pair, source = ours.issued("till"), bills(schema, dsn={"env": "BILLS_DSN"})
    known = {"sslcert": pair.certificate, "sslkey": binary(pair.key)}
    (tmp_path / "theirs").mkdir()
    theirs = Authority.made(tmp_path / "theirs", "theirs").file
    for told, why in (
        ({"sslmode": "verify-full", "sslrootcert": theirs, **known}, "certificate verify failed"),
        ({"sslmode": "verify-full", "sslrootcert": ours.file}, "certificate required"),
        ({"sslmode": "disable"}, "closed the connection"),
    ):
        monkeypatch.setenv("BILLS_DSN", address(servers, port, **told))
        first = next(iter(check(source, servers)))
        assert (first.ok, why in first.what, "sslrootcert" in first.todo) == (False, True, True)
    monkeypatch.setenv("BILLS_DSN", address(servers, port, sslmode="verify-full", sslrootcert=ours.file, **known))
    read(ending(source), servers)


def read(source: PostgresSource, chosen: Settings) -> None:
    """Debezium reads it, too, and the mapping's process would."""
    world.prepare(source, chosen)
    assert all(each.ok for each in check(source, chosen))
    world.well(source, chosen)
    world.do(f"UPDATE {source.table} SET total = 8 WHERE no = 1")
    world.until(lambda: agree(source, chosen))
