"""Over HTTPS a source trusts whom its definition says, shows its certificate to its own hosts, and tells what fails."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import Permanent, Retryable
from runtime.settings import settings
from streaming.sources.records import Reader
from streaming.sources.rest.check import check as check_rest
from streaming.sources.rest.reader import RestReader
from streaming.sources.soap.check import check as check_soap
from streaming.sources.soap.reader import SoapReader
from tests.sources.rest import world
from tests.sources.rest.service import Answer, HttpService, Shop, Tokens
from tests.sources.soap import peer as soap
from tests.sources.soap.certificates import Pair
from tests.sources.web.authority import Authority

Defined = Callable[..., Any]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the company."""
    return Authority.made(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, which nobody has told of."""
    return Authority.made(tmp_path_factory.mktemp("theirs"), "theirs")


@contextmanager
def served(kind: str, tls: ssl.SSLContext) -> Iterator[Defined]:
    """A service of that kind over TLS; what makes a definition of it from the part about certificates."""
    if kind == "rest":
        with HttpService(Shop(3), tls).running() as service:
            yield lambda **told: world.defined(service, tls=told, limits={"attempts": 1})
        return
    with soap.serving(soap.Peer(), tls) as peer:
        soap.ledger(peer)
        peer.say = lambda _: soap.Said(soap.envelope("".join(soap.ORDER.format(id=n) for n in (1, 2, 3))))
        yield partial(_ledger, peer)


def _ledger(peer: soap.Peer, **told: Any) -> Any:
    return peer.source(http=told)


def rows(source: Any) -> int:
    """How many records one reading gives."""
    reader: Reader = RestReader(source) if source.kind == "rest" else SoapReader(source)
    with closing(reader):
        return sum(len(batch.rows) for batch in reader.read({}))


def shown(pair: Pair) -> dict[str, str]:
    return {"certificate": str(pair.certificate), "key": str(pair.key)}


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_a_server_is_trusted_by_the_authority_that_the_definition_names_and_by_no_other(
    ours: Authority, theirs: Authority, kind: str
) -> None:
    with served(kind, ours.serving()) as defined:
        assert rows(defined(ca=str(ours.file))) == 3
        for told in ({}, {"ca": str(theirs.file)}):
            with pytest.raises(
                Retryable, match=r"the server's certificate is not trusted.*127\.0\.0\.1.*name its auth"
            ):
                rows(defined(**told))


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_a_certificate_for_another_host_is_not_trusted(ours: Authority, kind: str) -> None:
    wrong = r"is not trusted.*certificate is not valid for '127\.0\.0\.1'"
    with served(kind, ours.serving(host="127.0.0.2")) as defined, pytest.raises(Retryable, match=wrong):
        rows(defined(ca=str(ours.file)))


@pytest.mark.parametrize("kind", ["rest", "soap"])
def test_a_server_that_wants_a_certificate_gets_the_definitions(
    ours: Authority, theirs: Authority, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_PASSWORD", "s3cr3t")
    trusted = {"ca": str(ours.file)}
    with served(kind, ours.serving(ssl.CERT_REQUIRED)) as defined:
        assert rows(defined(**trusted, **shown(ours.issued("till")))) == 3
        locked = shown(ours.issued("locked", "s3cr3t"))
        assert rows(defined(**trusted, **locked, key_password={"env": "KEY_PASSWORD"})) == 3
        for told in ({}, shown(theirs.issued("till"))):
            with pytest.raises(
                Retryable, match=r"does not take our certificate, or wants one.*name it as `certificate`"
            ):
                rows(defined(**trusted, **told))
        with pytest.raises(Permanent, match="certificates cannot be read"):
            rows(defined(**trusted, **locked))
        check = check_rest if kind == "rest" else check_soap
        (*_, last) = check(defined(**trusted), settings())
        assert (last.ok, "does not take our certificate" in last.what) == (False, True)


def test_files_that_are_no_certificates_are_told(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    pair, other = ours.issued("till"), ours.issued("other")
    with served("rest", ours.serving()) as defined:
        for told in (
            {"ca": str(tmp_path / "missing.pem")},
            {"ca": str(tmp_path / "empty.pem")},
            {"certificate": str(pair.certificate), "key": str(other.key)},
        ):
            with pytest.raises(Permanent, match="the certificates cannot be read"):
                rows(defined(**told))
        with pytest.raises(ValueError, match="beside `certificate`"):
            defined(key=str(pair.key))


def test_our_certificate_is_shown_to_the_definitions_own_hosts_alone(ours: Authority) -> None:
    """One that asks for a certificate, and lets everybody in, is not given it where it is only led to."""
    own, other = (
        HttpService(Shop(3), ours.serving(ssl.CERT_REQUIRED)),
        HttpService(Shop(3), ours.serving(ssl.CERT_OPTIONAL)),
    )
    with own.running(), other.running():
        own.plan("/cursor", Answer(status=307, headers={"Location": f"{other.url}/cursor"}))
        told = {"ca": str(ours.file), **shown(ours.issued("till"))}
        assert rows(world.defined(own, tls=told, hosts=[other.host])) == 3
        assert [each.client for each in own.asked] == ["till"]
        assert [each.client for each in other.asked] == [""]


def test_a_token_endpoint_is_asked_with_the_same_certificates(ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_SECRET", "s3cr3t")
    tokens, wanting = Tokens("till", "s3cr3t"), ours.serving(ssl.CERT_REQUIRED)
    own, other = HttpService(Shop(3), wanting), HttpService(tls=wanting)
    own.handlers["/cursor"] = tokens.protecting(own.handlers["/cursor"])
    other.handlers["/token"] = tokens.endpoint
    with own.running(), other.running():
        auth: dict[str, Any] = {"kind": "oauth2", "token_url": f"{other.url}/token", "client_id": "till"}
        auth |= {"client_secret": {"env": "TILL_SECRET"}}
        told = {"ca": str(ours.file), **shown(ours.issued("till"))}
        assert rows(world.defined(own, tls=told, auth=auth)) == 3
        assert other.asked[0].client == "till"
