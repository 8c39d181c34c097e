"""A boundary is the present second, the last business midnight, or a past whole second that someone names."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from batch.boundary import boundary
from runtime.errors import Permanent

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 29, 10, 0, 0, 500_000, tzinfo=UTC)  # in Berlin, summer time began this night


@pytest.mark.parametrize(
    ("text", "now", "meant"),
    [
        ("now", NOON, "2026-03-29T10:00:00+00:00"),
        ("midnight", NOON, "2026-03-28T23:00:00+00:00"),
        ("midnight", datetime(2026, 3, 29, 22, 30, tzinfo=UTC), "2026-03-29T22:00:00+00:00"),
        ("2026-03-29T10:00:00Z", NOON, "2026-03-29T10:00:00+00:00"),
        ("2026-03-29T11:59:59+02:00", NOON, "2026-03-29T09:59:59+00:00"),
    ],
)
def test_meaning(text: str, now: datetime, meant: str) -> None:
    assert boundary(text, now, BERLIN).isoformat() == meant


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("yesterday", "not a time"),
        ("2026-03-29T09:00:00", "no offset"),
        ("2026-03-29T09:00:00.5Z", "whole second"),
        ("2026-03-29T10:00:01Z", "future"),
    ],
)
def test_refusal(text: str, wrong: str) -> None:
    with pytest.raises(Permanent, match=wrong):
        boundary(text, NOON, BERLIN)
