"""A definition is tried against the real service before anything runs, and what is wrong is said with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.settings import settings
from streaming.sources.records import Finding
from streaming.sources.rest.check import check
from tests.sources.rest.service import Answer, HttpService, sale
from tests.sources.rest.world import SINCE, World, defined


def found(service: HttpService, path: str = "cursor", **more: Any) -> list[Finding]:
    return list(check(defined(service, path, **more), settings()))


def text(findings: list[Finding]) -> str:
    return "\n".join(f"{'ok' if each.ok else 'NO'} {each.what} | {each.todo}" for each in findings)


def test_a_good_definition_shows_what_it_would_do(service: HttpService) -> None:
    findings = found(service, since=SINCE, every_seconds=30)
    told = text(findings)
    assert all(each.ok for each in findings), told
    for part in (
        f"{service.url}/cursor answers HTTP 200",
        "holds 4 records at data.items",
        f"the next page is {service.url}/cursor?cursor=4",
        "changed_at is iso in 4 of 4 records",
        "every 30 s",
        'record s1 becomes {"source": "till", "sale_id": "s1"',
    ):
        assert part in told
    assert len(service.asked) == 1


def test_what_would_be_quarantined_is_shown(service: HttpService) -> None:
    service.plan("/cursor", Answer(f'{{"data": {{"items": [{sale(1, amount="1.234")}]}}}}'))
    last = found(service)[-1]
    assert not last.ok
    assert "would be quarantined: amount: received '1.234'" in last.what
    assert "s1" in last.todo


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"records": "data.rows"}, "there is no array of records at /data/rows: page 1"),
        ({"since": {**SINCE, "field": "altered"}}, "NO altered is iso in 0 of 4 records | received None"),
        ({"identity": "nothing"}, "4 of 4 records do not tell which record they are"),
        ({"auth": {"kind": "bearer", "token": {"env": "TILL_NOT_SET"}}}, "TILL_NOT_SET is not set"),
        ({"cron": "0 3 * * *"}, "read cron 0 3 * * * (UTC); after a reading"),
        ({"fields": {"amount": {"sql": "SELECT"}}}, "the expression of amount is not valid"),
        ({"hosts": []}, "everything is read each time | name a time"),
    ],
)
def test_what_is_wrong_is_said(service: HttpService, more: dict[str, Any], told: str) -> None:
    assert told in text(found(service, **more))


def test_plain_http_for_credentials_is_pointed_at(service: HttpService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILL_SECRET", "secret")
    told = text(found(service, auth={"kind": "basic", "user": "till", "password": {"env": "TILL_SECRET"}}))
    assert "ok credentials of kind basic go over http | use https" in told


def test_a_service_that_refuses_is_shown(service: HttpService) -> None:
    service.plan("/cursor", Answer("who are you?", status=401))
    assert "NO the service refuses the request: HTTP 401" in text(found(service))


def test_a_check_changes_nothing(service: HttpService) -> None:
    world = World(defined(service))
    found(service)
    assert len(world.read()) == 10
