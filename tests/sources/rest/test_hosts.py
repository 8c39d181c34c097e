"""Only hosts that the definition names are asked, whatever the service says."""

from __future__ import annotations

import pytest

from runtime.errors import Permanent, Retryable
from streaming.sources.web.hosts import shown
from tests.sources.rest.service import Answer, HttpService
from tests.sources.rest.world import World, defined, ids, numbers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_host_is_followed(service: HttpService, status: int) -> None:
    service.handlers["/old"] = lambda asked: Answer(
        status=status, headers={"Location": f"cursor?cursor={asked.query.get('cursor', 0)}"}
    )
    source = defined(service, "cursor", url=f"{service.url}/old")
    assert ids(World(source).read()) == numbers(1, 10)
    assert [each.path for each in service.asked] == ["/old", "/cursor"] * 3


def test_a_redirect_to_a_host_that_is_not_named_is_not_followed(service: HttpService, other: HttpService) -> None:
    service.plan("/cursor", Answer(status=302, headers={"Location": f"{other.url}/cursor"}))
    with pytest.raises(Permanent, match="host that the definition does not name.*" + other.host):
        World(defined(service)).read()
    assert other.asked == []


def test_a_redirect_to_a_host_that_is_named_is_followed(service: HttpService, other: HttpService) -> None:
    service.plan("/cursor", Answer(status=302, headers={"Location": f"{other.url}/cursor"}))
    assert ids(World(defined(service, hosts=[other.host])).read()) == numbers(1, 10)
    assert len(other.asked) == 1


@pytest.mark.parametrize("path", ["next_url", "link"])
def test_a_next_page_on_a_host_that_is_not_named_is_not_asked(
    service: HttpService, other: HttpService, path: str
) -> None:
    address = f"{other.url}/{path}?page=2"
    body = f'{{"rows": [], "links": {{"next": "{address}"}}}}' if path == "next_url" else "[]"
    service.plan(f"/{path}", Answer(body, headers={"Link": f'<{address}>; rel="next"'}))
    with pytest.raises(Permanent, match="does not name"):
        World(defined(service, path)).read()
    assert other.asked == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("file:///etc/passwd", "address that is none"),
        ("ftp://127.0.0.1/x", "address that is none"),
        ("//user:pw@{host}/cursor", "a user or a password"),
        ("http://[::1", "address that is none"),
        ("http://169.254.169.254/latest/meta-data", "does not name"),
        ("http://{host}.evil.example/", "does not name|address that is none"),
        ("http://localhost/", "does not name"),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused(service: HttpService, target: str, why: str) -> None:
    service.plan("/cursor", Answer(status=302, headers={"Location": target.format(host=service.host)}))
    with pytest.raises(Permanent, match=why) as caught:
        World(defined(service)).read()
    assert "pw" not in str(caught.value).replace("password", "").replace("passwd", "")


def test_there_is_a_most_of_redirects(service: HttpService) -> None:
    service.handlers["/cursor"] = lambda _: Answer(status=302, headers={"Location": "/cursor"})
    with pytest.raises(Permanent, match="too many redirects"):
        World(defined(service, limits={"redirects": 3})).read()
    assert len(service.asked) == 4


def test_a_redirect_to_nowhere_is_told(service: HttpService) -> None:
    service.handlers["/cursor"] = lambda _: Answer(status=302)
    with pytest.raises(Retryable, match="redirects to nowhere"):
        World(defined(service)).read()


def test_no_way_leads_from_https_to_http() -> None:
    from streaming.sources.catalogue import DEFINITION
    from streaming.sources.rest.definition import RestSource
    from streaming.sources.rest.service import hosts

    told = {"name": "till", "kind": "rest", "url": "https://till.example/sales", "hosts": ["files.example"]}
    source = DEFINITION.validate_python(told)
    assert isinstance(source, RestSource)
    allowed = hosts(source)
    assert allowed.next("https://till.example/sales", "//files.example/x#part") == "https://files.example/x"
    for address in ("http://till.example/sales", "http://files.example/", "https://till.example:8443/"):
        with pytest.raises(Permanent):
            allowed.next("https://till.example/sales", address)


@pytest.mark.parametrize("host", ["https://a.example", "a.example/x", "me@a.example", "", "a b"])
def test_what_is_no_host_is_refused(service: HttpService, host: str) -> None:
    with pytest.raises(ValueError, match="hosts"):
        defined(service, hosts=[host])


def test_cookies_are_not_kept(service: HttpService) -> None:
    first = service.shop.cursor
    service.handlers["/cursor"] = lambda asked: Answer(first(asked).body, headers={"Set-Cookie": "id=1; Path=/"})
    World(defined(service)).read()
    assert all("cookie" not in each.headers for each in service.asked)


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert shown("https://a.example/x?since=1&access_token=abc&X-Amz-Signature=def") == (
        "https://a.example/x?since=1&access_token=***&X-Amz-Signature=***"
    )
