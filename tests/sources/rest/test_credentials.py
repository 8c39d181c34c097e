"""A service knows the caller in every usual way, and no secret is ever shown or given to another host."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from observe.logs import configure, log_file
from runtime.errors import Permanent, Retryable, TidelakeError
from runtime.settings import settings
from streaming.sources.rest.check import check
from tests.sources.rest.service import Answer, Asked, HttpService, Tokens
from tests.sources.rest.world import PATHS, World, defined, ids, numbers

SECRET = "s3cr3t-&/wörd"
KEY = "s3cr3t&/+%word"

ENV = {"env": "TILL_SECRET"}
AUTHS: dict[str, dict[str, Any]] = {
    "header": {"kind": "api_key", "header": "X-Api-Key", "key": ENV},
    "query": {"kind": "api_key", "query": "api_key", "key": ENV},
    "bearer": {"kind": "bearer", "token": ENV},
    "basic": {"kind": "basic", "user": "till", "password": ENV},
}


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_SECRET", KEY)


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The log file of a process that logs everything it can."""
    monkeypatch.setenv("TIDELAKE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDELAKE_LOG_LEVEL", "DEBUG")
    settings.cache_clear()
    handlers, level = logging.root.handlers[:], logging.root.level
    configure("source-till", terminal=False)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield log_file("source-till")
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    settings.cache_clear()


def credentials(asked: Asked) -> dict[str, str]:
    """What of a request may hold a secret."""
    told = {name: asked.headers[name] for name in ("authorization", "x-api-key") if name in asked.headers}
    return told | ({"api_key": asked.query["api_key"]} if "api_key" in asked.query else {})


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("header", {"x-api-key": KEY}),
        ("query", {"api_key": KEY}),
        ("bearer", {"authorization": f"Bearer {KEY}"}),
        ("basic", {"authorization": "Basic dGlsbDpzM2NyM3QmLysld29yZA=="}),
    ],
)
def test_every_request_carries_the_credentials(service: HttpService, kind: str, sent: dict[str, str]) -> None:
    assert ids(World(defined(service, auth=AUTHS[kind])).read()) == numbers(1, 10)
    assert [credentials(each) for each in service.asked] == [sent] * 3


@pytest.mark.parametrize("kind", AUTHS)
@pytest.mark.parametrize("path", ["cursor", "link", "next_url"])
def test_no_secret_is_remembered(service: HttpService, kind: str, path: str) -> None:
    world = World(defined(service, path, auth=AUTHS[kind]))
    world.read(kill_at=2)
    assert world.memory["position"]["unfinished"]
    world.read()
    assert "s3cr3t" not in str(world.memory)
    assert ids(world.rows) == numbers(1, 10)


@pytest.mark.parametrize("kind", AUTHS)
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_no_secret_is_in_an_error_or_a_log_even_if_the_service_repeats_it(
    service: HttpService, kind: str, status: int, logged: Path
) -> None:
    service.handlers["/cursor"] = lambda asked: Answer(f"you said {asked.headers} {asked.query} {KEY}", status=status)
    with pytest.raises(TidelakeError, match=f"HTTP {status}") as caught:
        World(defined(service, auth=AUTHS[kind])).read()
    told = [str(caught.value), repr(caught.value.__dict__), repr(caught.value.__cause__), logged.read_text()]
    assert "you said" in told[0]
    for each in told:
        assert "s3cr3t" not in each and "dGlsbDpzM2NyM3Q" not in each


def test_no_secret_is_in_the_log_of_a_reading_that_goes_well(service: HttpService, logged: Path) -> None:
    service.plan("/cursor", Answer(status=503), Answer(status=302, headers={"Location": f"/cursor?api_key={KEY}"}))
    World(defined(service, auth=AUTHS["query"])).read()
    assert "s3cr3t" not in logged.read_text()


@pytest.mark.parametrize("kind", AUTHS)
def test_credentials_and_headers_never_go_to_another_host(service: HttpService, other: HttpService, kind: str) -> None:
    target = f"{other.url}/cursor?api_key=s3cr3t%26%2F%2B%25word&left=1"
    service.plan("/cursor", Answer(status=307, headers={"Location": target}))
    source = defined(service, auth=AUTHS[kind], hosts=[other.host], headers={"X-Tenant": "t1"})
    World(source).read()
    assert "x-tenant" in service.asked[0].headers
    for each in other.asked:
        assert not {"authorization", "x-api-key", "x-tenant"} & each.headers.keys()
        assert kind != "query" or "api_key" not in each.query
    assert other.asked[0].query["left"] == "1"


def test_a_key_in_the_next_address_goes_to_no_other_host(service: HttpService, other: HttpService) -> None:
    told = f'{{"rows": [], "links": {{"next": "{other.url}/next_url?api_key=s3cr3t%26%2F%2B%25word"}}}}'
    service.plan("/next_url", Answer(told))
    World(defined(service, "next_url", auth=AUTHS["query"], hosts=[other.host])).read()
    assert other.asked and all(credentials(each) == {} for each in other.asked)


def test_a_secret_that_is_not_there_stops_the_source(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILL_SECRET")
    with pytest.raises(Permanent, match="TILL_SECRET is not set"):
        World(defined(service, auth=AUTHS["bearer"])).read()


def test_a_secret_may_lie_in_a_file(service: HttpService, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    World(defined(service, auth={**AUTHS["header"], "key": {"file": str(tmp_path / "key")}})).read()
    assert service.asked[0].headers["x-api-key"] == "from-file"


@pytest.mark.parametrize("value", ["", "two\r\nX-More: lines", "wörd"])
def test_a_secret_that_no_header_takes_is_refused_and_not_shown(
    service: HttpService, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TILL_SECRET", value)
    with pytest.raises(Permanent, match="no header takes") as caught:
        World(defined(service, auth=AUTHS["header"])).read()
    assert not value or value not in str(caught.value)


class TestOAuth2:
    """Tokens for client credentials."""

    @pytest.fixture
    def tokens(self, service: HttpService, other: HttpService) -> Tokens:
        """A token endpoint on another host, which protects the service."""
        tokens = Tokens("till", KEY)
        other.handlers["/token"] = tokens.endpoint
        service.handlers["/cursor"] = tokens.protecting(service.handlers["/cursor"])
        return tokens

    @staticmethod
    def auth(other: HttpService, **more: Any) -> dict[str, Any]:
        told = {"kind": "oauth2", "token_url": f"{other.url}/token", "client_id": "till", "client_secret": ENV}
        return {**told, **more}

    @pytest.mark.parametrize("client_auth", ["header", "form"])
    def test_one_token_serves_for_all_pages(
        self, service: HttpService, other: HttpService, tokens: Tokens, client_auth: str
    ) -> None:
        auth = self.auth(other, client_auth=client_auth, scope="sales.read", audience="till-api")
        assert ids(World(defined(service, auth=auth)).read()) == numbers(1, 10)
        assert (len(tokens.given), tokens.scopes) == (1, ["sales.read"])
        assert other.asked[0].form["audience"] == "till-api"

    def test_a_token_is_renewed_before_it_ends(self, service: HttpService, other: HttpService, tokens: Tokens) -> None:
        tokens.expires_in = 2
        service.plan("/cursor", Answer('{"data": {"items": []}, "meta": {"next": 0}}', before=2.0))
        assert ids(World(defined(service, auth=self.auth(other))).read()) == numbers(1, 10)
        assert len(tokens.given) == 2
        assert 401 not in [each.status for each in service.said]

    def test_a_token_that_was_withdrawn_is_replaced_once(
        self, service: HttpService, other: HttpService, tokens: Tokens
    ) -> None:
        withdrawn = service.handlers["/cursor"]

        def withdrawing(asked: Asked) -> Answer:
            if asked.query.get("cursor") == "4" and len(tokens.given) == 1:
                tokens.valid.clear()
            return withdrawn(asked)

        service.handlers["/cursor"] = withdrawing
        assert ids(World(defined(service, auth=self.auth(other))).read()) == numbers(1, 10)
        assert len(tokens.given) == 2

    def test_a_client_that_is_let_in_nowhere_stops(
        self, service: HttpService, other: HttpService, tokens: Tokens
    ) -> None:
        tokens.protecting(service.handlers["/cursor"])
        service.handlers["/cursor"] = lambda _: Answer("no", status=401)
        with pytest.raises(Permanent, match="HTTP 401"):
            World(defined(service, auth=self.auth(other))).read()
        assert len(tokens.given) == 2

    def test_a_wrong_secret_stops_and_is_not_shown(
        self, service: HttpService, other: HttpService, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TILL_SECRET", SECRET)
        with pytest.raises(Permanent, match=r"refuses the client.*invalid_client: who are you") as caught:
            World(defined(service, auth=self.auth(other))).read()
        assert "s3cr3t" not in str(caught.value)

    @pytest.mark.parametrize("answer", [Answer(status=503), Answer("<html>", kind="text/html"), Answer(status=429)])
    def test_a_token_endpoint_that_is_away_is_asked_again(
        self, service: HttpService, other: HttpService, tokens: Tokens, answer: Answer
    ) -> None:
        other.plan("/token", answer)
        assert ids(World(defined(service, auth=self.auth(other))).read()) == numbers(1, 10)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer('{"token_type": "bearer"}'),
            Answer('{"access_token": "x", "token_type": "mac"}'),
            Answer('{"access_token": 5, "token_type": "bearer"}'),
            Answer("nothing", status=404),
            Answer(status=302, headers={"Location": "http://elsewhere.example/token"}),
        ],
    )
    def test_what_is_no_token_stops_the_source(
        self, service: HttpService, other: HttpService, tokens: Tokens, answer: Answer
    ) -> None:
        other.plan("/token", answer)
        with pytest.raises(Permanent, match="token endpoint"):
            World(defined(service, auth=self.auth(other))).read()

    def test_the_token_endpoints_host_is_allowed_for_tokens_alone(
        self, service: HttpService, other: HttpService, tokens: Tokens
    ) -> None:
        service.handlers["/cursor"] = lambda _: Answer(status=302, headers={"Location": f"{other.url}/pages"})
        with pytest.raises(Permanent, match="host that the definition does not name"):
            World(defined(service, auth=self.auth(other))).read()
        assert other.count("/pages") == 0

    def test_a_token_that_the_service_repeats_is_not_shown(
        self, service: HttpService, other: HttpService, tokens: Tokens, logged: Path
    ) -> None:
        service.handlers["/cursor"] = lambda asked: Answer(f"no: {asked.headers}", status=500)
        with pytest.raises(Retryable, match="HTTP 500") as caught:
            World(defined(service, auth=self.auth(other))).read()
        for told in (str(caught.value), logged.read_text()):
            assert "token-0" not in told and "s3cr3t" not in told

    def test_a_token_answer_is_limited_too(self, service: HttpService, other: HttpService, tokens: Tokens) -> None:
        other.plan("/token", Answer("x" * 5000))
        with pytest.raises(Permanent, match="larger than allowed"):
            World(defined(service, auth=self.auth(other), limits={"answer_bytes": 4000})).read()


def test_a_check_shows_no_secret(service: HttpService) -> None:
    service.handlers["/cursor"] = lambda asked: Answer(f'{{"error": "bad key {KEY}"}}')
    told = str(list(check(defined(service, auth=AUTHS["query"]), settings())))
    assert "no array of records" in told and "s3cr3t" not in told


def test_a_definition_holds_no_secret_and_no_user_in_its_address(service: HttpService) -> None:
    with pytest.raises(ValueError, match="a user or a password"):
        defined(service, url="https://me:pw@till.example/sales")
    with pytest.raises(ValueError, match="exactly one of header and query"):
        defined(service, auth={**AUTHS["query"], "header": "X-Api-Key"})
    with pytest.raises(ValueError, match="auth"):
        defined(service, auth={**AUTHS["bearer"], "token": KEY})
    assert "s3cr3t" not in defined(service, **PATHS["cursor"], auth=AUTHS["basic"]).model_dump_json()
