"""Every route against every kind of key; rate limits; tokens of an OpenID Connect issuer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import SecretStr
from werkzeug.serving import make_server

from runtime.errors import Permanent
from runtime.settings import Settings
from serving.bearers import Bearers, IssuerKeys
from serving.compose import Api, compose
from serving.http.app import create_app
from serving.http.authorization import COOKIE
from serving.keys import key_hash
from serving.limits import RateLimits, Verdict
from serving.ports import ApiKey, StoreAway
from tests.serving.conftest import KEY
from tests.serving.test_http import problem
from tests.serving.world import NOW, Caller, Clock, Doubles

ISSUER = "https://issuer.example"
KEYS = {
    "reader": (ApiKey("tl_reader", b"", ("read",)), {"read": 0, "operate": 403}),
    "operator": (ApiKey("tl_operator", b"", ("read", "operate")), {"read": 0, "operate": 0}),
    "only operates": (ApiKey("tl_only", b"", ("operate",)), {"read": 403, "operate": 0}),
    "no scope": (ApiKey("tl_none", b"", ()), {"read": 403, "operate": 403}),
    "expired": (ApiKey("tl_exp", b"", ("read", "operate"), NOW), {"read": 401, "operate": 401}),
    "expires later": (ApiKey("tl_l", b"", ("read", "operate"), NOW + timedelta(days=1)), {"read": 0, "operate": 0}),
    "revoked": (ApiKey("tl_rev", b"", ("read", "operate"), None, True), {"read": 401, "operate": 401}),
    "unknown": (None, {"read": 401, "operate": 401}),
    "none": (None, {"read": 401, "operate": 401}),
}

OPEN = {
    "/healthz", "/readyz", "/metrics", "/docs", "/docs/<name>", "/openapi.json", "/login", "/logout",
    "/static/<path:filename>",
}  # fmt: skip
"""What nobody needs a key for."""


def api_over(doubles: Doubles, clock: Clock, **settings: Any) -> Api:
    return compose(Settings(**{"rate_limit": "", **settings}), doubles.stores, clock)


PARTS = {"name": "top-sales-per-city", "version": 1, "evidence_id": "x", "record_id": "events.rest/0/1"}
"""What addresses are built with."""


def held(doubles: Doubles, kind: str) -> tuple[str, dict[str, int]]:
    """The secret of a kind of key, which the store knows as it is, and what each scope's routes answer to it."""
    known, outcome = KEYS[kind]
    secret = f"tl_secret-of-{kind.replace(' ', '-')}"
    if known is not None:
        doubles.keys.known[key_hash(secret)] = replace(known, hash=key_hash(secret))
    return secret, outcome


def routes(caller: Caller) -> Iterator[tuple[str, str, str]]:
    """Method, address and needed scope of every guarded route."""
    app = caller.client.application
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/v1"):
            address = adapter.build(rule.endpoint, {name: PARTS[name] for name in rule.arguments})
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, address, "operate" if method == "POST" or "audit" in address else "read"


@pytest.mark.parametrize("kind", KEYS)
def test_every_route_against_every_kind_of_key(doubles: Doubles, caller: Caller, kind: str) -> None:
    secret, outcome = held(doubles, kind)
    headers = {} if kind == "none" else {"Authorization": f"Bearer {secret}"}
    count = 0
    for method, address, scope in routes(caller):
        query = {"limit": "0"} if address.endswith("/stream") else {}
        response = caller.client.open(address, method=method, headers=headers, query_string=query)
        expected = outcome[scope]
        assert (response.status_code == expected) if expected else (response.status_code not in (401, 403)), address
        count += 1
    assert count >= 17
    assert doubles.operations.asked == []


@pytest.mark.parametrize("kind", KEYS)
def test_every_page_against_every_kind_of_key(doubles: Doubles, caller: Caller, kind: str) -> None:
    secret, outcome = held(doubles, kind)
    if kind != "none":
        caller.client.set_cookie(COOKIE, secret)
    rules = [rule for rule in caller.client.application.url_map.iter_rules() if not rule.rule.startswith("/v1")]
    guarded = [rule for rule in rules if rule.rule not in OPEN]
    assert {rule.rule for rule in rules} - {rule.rule for rule in guarded} == OPEN
    adapter = caller.client.application.url_map.bind("localhost")
    for rule in guarded:
        address = adapter.build(rule.endpoint, {name: PARTS[name] for name in rule.arguments})
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            response = caller.client.open(address, method=method, headers={"Origin": "http://localhost"})
            is_led = (response.status_code, response.headers.get("Location")) == (303, "/login")
            given = 401 if is_led else 403 if response.status_code == 403 else 0
            assert given == outcome["operate" if method == "POST" else "read"], address


def test_a_cookie_counts_but_changes_nothing_from_elsewhere(doubles: Doubles, caller: Caller) -> None:
    doubles.keys.known[key_hash("tl_op")] = ApiKey("tl_op", key_hash("tl_op"), ("read", "operate"))
    caller.client.set_cookie(COOKIE, "tl_op")
    assert caller.client.get("/v1/rankings").status_code == 200
    path = "/v1/publications/1/publish"
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        problem(caller.client.post(path, headers=headers), 403)
    problem(caller.client.post(path, headers={"Origin": "http://localhost"}), 404)


@pytest.fixture
def limited(doubles: Doubles, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """An API that allows three requests a minute."""
    limiter = FixedWindowRateLimiter(MemoryStorage())
    limits = RateLimits("3/minute", SecretStr("redis://nowhere"), limiter=limiter)
    api = replace(api_over(doubles, clock), limits=limits)
    return Caller(create_app(api).test_client(), KEY)


def test_a_key_that_asks_too_often_is_told_when_to_go_on(limited: Caller) -> None:
    for _ in range(3):
        response = limited.get("/v1/rankings")
        assert response.status_code == 200
        assert response.headers["RateLimit-Policy"] == '"key";q=3;w=60'
    refused = limited.get("/v1/rankings")
    assert "more than 3 requests" in problem(refused, 429)["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    limited.client.set_cookie(COOKIE, KEY)
    page = limited.client.get("/publications")
    assert (page.status_code, "more than 3 requests" in page.text) == (429, True)
    assert 0 < int(page.headers["Retry-After"]) <= 60


class Counting(MemoryStorage):
    """Notes how often it is asked to count."""

    asked = 0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        return super().incr(key, expiry, amount)


def test_processes_that_count_ahead_let_no_more_pass_than_the_limit() -> None:
    storage = Counting()
    processes = [RateLimits("1000/hour", SecretStr("redis://nowhere"), limiter=FixedWindowRateLimiter(storage))
                 for _ in range(3)]  # fmt: skip
    verdicts = [processes[number % 3].take("k").verdict for number in range(900)]
    assert set(verdicts) == {Verdict.ALLOWED}
    assert storage.asked < 150
    verdicts += [processes[number % 3].take("k").verdict for number in range(900)]
    assert verdicts.count(Verdict.ALLOWED) == 1000
    assert {processes[0].take("another").verdict for _ in range(50)} == {Verdict.ALLOWED}


def test_what_is_counted_ahead_is_worth_nothing_in_the_next_window() -> None:
    now, storage = [1000.0], Counting()
    limits = RateLimits(
        "1000/hour", SecretStr("redis://nowhere"), limiter=FixedWindowRateLimiter(storage), seconds=lambda: now[0]
    )
    assert [limits.take("k").verdict for _ in range(5)] == [Verdict.ALLOWED] * 5
    assert storage.asked == 2
    now[0] += 3599
    limits.take("k")
    assert storage.asked == 3


def test_a_small_limit_is_counted_one_by_one() -> None:
    storage = Counting()
    limits = RateLimits("50/minute", SecretStr("redis://nowhere"), limiter=FixedWindowRateLimiter(storage))
    for _ in range(40):
        limits.take("k")
    assert storage.asked == 40


@pytest.mark.servers
def test_processes_count_in_one_redis(valkey: SecretStr) -> None:
    processes = [RateLimits("300/hour", valkey) for _ in range(2)]
    who = f"key-{time.monotonic_ns()}"
    verdicts = [processes[number % 2].take(who).verdict for number in range(400)]
    assert (verdicts.count(Verdict.ALLOWED), verdicts.count(Verdict.REFUSED)) == (300, 100)


def test_without_redis_everybody_passes_and_it_shows(doubles: Doubles, clock: Clock) -> None:
    api = api_over(doubles, clock, rate_limit="1/minute", redis="redis://127.0.0.1:1/0")
    caller = Caller(create_app(api).test_client(), KEY)
    for _ in range(3):
        response = caller.get("/v1/rankings")
        assert (response.status_code, response.headers["Tidelake-Rate-Limit"]) == (200, "unchecked")


def test_a_limit_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(Permanent, match="TIDELAKE_RATE_LIMIT"):
        RateLimits("many", SecretStr("redis://x"))
    assert RateLimits("", SecretStr("redis://x")).take("k").verdict is Verdict.UNLIMITED


class Issuer:
    """An OpenID Connect issuer, as far as its keys go."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.reads, self.away = 0, False

    def __call__(self) -> dict[str, Any]:
        self.reads += 1
        if self.away:
            raise StoreAway("the issuer does not answer")
        return dict(KeySet([self.key]).as_dict())

    def token(self, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": "tidelake", "sub": "ana", "exp": now + 60, "scope": "read", **claims}
        kept = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(header or {"alg": "RS256", "kid": self.key.kid}, kept, key or self.key)


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def tokens(doubles: Doubles, clock: Clock, issuer: Issuer) -> Caller:
    """An API that knows the issuer."""
    issuer.away = False
    api = replace(api_over(doubles, clock), bearers=Bearers(ISSUER, "tidelake", "scope", issuer))
    return Caller(create_app(api).test_client(), "")


def status(caller: Caller, token: str, path: str = "/v1/rankings") -> int:
    return int(caller.client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code)


def test_a_token_of_the_issuer_counts_like_a_key(tokens: Caller, issuer: Issuer) -> None:
    assert status(tokens, issuer.token()) == 200
    assert status(tokens, issuer.token(), "/v1/audit") == 403
    assert status(tokens, issuer.token(scope="read operate"), "/v1/audit") == 200
    assert status(tokens, issuer.token(scope=["read"])) == 200
    assert status(tokens, issuer.token(aud=["other", "tidelake"])) == 200


@pytest.mark.parametrize(
    "claims",
    [{"aud": "other"}, {"aud": None}, {"iss": "https://evil.example"}, {"iss": None}, {"exp": 1}, {"exp": None},
     {"sub": None}, {"nbf": 9_999_999_999}],
)  # fmt: skip
def test_a_token_that_says_something_else_is_refused(tokens: Caller, issuer: Issuer, claims: dict[str, Any]) -> None:
    assert status(tokens, issuer.token(**claims)) == 401


def test_only_the_issuers_key_pairs_sign(tokens: Caller, issuer: Issuer) -> None:
    assert status(tokens, issuer.token(RSAKey.generate_key(2048, {"kid": "one"}))) == 401
    good = issuer.token().split(".")
    assert status(tokens, f"{good[0]}.{good[1]}.") == 401
    assert status(tokens, f"eyJhbGciOiJub25lIn0.{good[1]}.") == 401
    assert status(tokens, "a.b.c") == 401


def test_keys_of_the_issuer_are_read_again_for_a_new_one_and_outlive_its_absence(issuer: Issuer) -> None:
    now = [0.0]
    bearers = Bearers(ISSUER, "tidelake", "scope", issuer, seconds=lambda: now[0])
    old = issuer.token()
    assert bearers.holder(old)
    issuer.away = True
    now[0] = 10_000.0
    assert bearers.holder(old)
    issuer.away = False
    issuer.key = RSAKey.generate_key(2048, {"kid": "two"})
    assert bearers.holder(issuer.token(header={"alg": "RS256", "kid": "two"}))
    assert bearers.holder(old) is None


def test_the_issuers_keys_are_read_over_http(issuer: Issuer) -> None:
    pages: dict[str, dict[str, Any]] = {}

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        found = pages.get(environ["PATH_INFO"])
        start("200 OK" if found else "404 Not Found", [("Content-Type", "application/json")])
        return [json.dumps(found or {}).encode()]

    with served(application) as address:
        pages["/realm/.well-known/openid-configuration"] = {"jwks_uri": f"{address}/certs"}
        pages["/certs"] = issuer()
        for keys in (IssuerKeys(f"{address}/realm/", "", 5), IssuerKeys("", f"{address}/certs", 5)):
            assert Bearers(ISSUER, "tidelake", "scope", keys).holder(issuer.token())
        for wrong in (f"{address}/other", f"{address}/certs"):
            with pytest.raises(StoreAway, match="issuer"):
                IssuerKeys(wrong, "", 5)()
    with pytest.raises(StoreAway, match="issuer"):
        IssuerKeys("", f"{address}/certs", 1)()


@contextmanager
def served(application: Any) -> Iterator[str]:
    """The address of a small WSGI application."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_without_an_issuer_no_token_is_valid(caller: Caller, issuer: Issuer) -> None:
    assert status(caller, issuer.token()) == 401
