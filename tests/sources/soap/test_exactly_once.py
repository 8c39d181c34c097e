"""A process that reads a real service into the real log is killed at every point: nothing is lost, nothing is twice."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.sources.catalogue import definition
from streaming.sources.publisher import remembered
from tests.sources.dying import reading
from tests.sources.log import committed
from tests.sources.soap.test_check import TILL
from tests.sources.soap.test_polls import BY_SEQUENCE, PAGES, QUEUE
from tests.sources.soap.till import BEGIN, Till

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

SALES = 28

BY_TIME = {
    "by": "time",
    "since": "since",
    "until": "until",
    "start": BEGIN,
    "window_seconds": 60 * 86_400,
    "overlap_seconds": 180,
    "changed": "changed_at",
}

WAYS: dict[str, dict[str, Any]] = {
    "sequence": {"operation": "list_sales", "poll": BY_SEQUENCE},
    "queue": {"operation": "fetch", "poll": QUEUE, "message_id": "message_id", "rows": "fetchResult.Sale"},
    "time": {"operation": "list_changes", "poll": BY_TIME, "pages": PAGES},
}


def defined(folder: Path, name: str, till: Till, **more: Any) -> Path:
    rows = f"{more['operation']}Result.sales.Sale"
    told = {"name": name, "kind": "soap", "wsdl": till.url, "request": {"size": 5}, "rows": rows, "fields": TILL}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**told, **more}))
    return path


def one_reading(path: Path, kill_at: str | None) -> int:
    return reading(definition(path), kill_at)


def counted(chosen: Settings, name: str) -> Counter[str]:
    """How often each sale is in the log."""
    return Counter(each["sale_id"] for each in committed(chosen, "events.soap", name))


def everything() -> Counter[str]:
    return Counter(f"R-{number:06}" for number in range(1, SALES + 1))


@pytest.mark.parametrize("way", WAYS)
def test_killed_anywhere(servers: Settings, till: Till, tmp_path: Path, way: str) -> None:
    """One reading after the other is killed at another point, each at its second batch; the last one ends."""
    till.sell(SALES)
    name = f"till-{way}"
    pages = {"pages": {"argument": "page", "size": 5}} if way == "time" else {}
    path = defined(tmp_path, name, till, **{**WAYS[way], **pages})
    for point in ("fetched", "quarantined", "produced", "committed"):
        assert one_reading(path, f"{point}:2") == -9
        assert counted(servers, name) < everything(), "it was killed on its way"
    assert one_reading(path, None) == 0
    assert counted(servers, name) == everything()
    assert remembered(servers, name)["counts"]["accepted"] == SALES
    assert not till.unconfirmed or way != "queue"


def test_a_refused_record_is_in_the_quarantine_as_the_service_told_it(
    servers: Settings, till: Till, tmp_path: Path
) -> None:
    till.sell(3)
    till.sales[1].currency = "Taler"
    path = defined(tmp_path, "till-refused", till, **WAYS["sequence"])
    assert one_reading(path, None) == 0
    assert sorted(counted(servers, "till-refused")) == ["R-000001", "R-000003"]
    with closing(connect()) as client:
        query = "SELECT reason, payload FROM quarantine FINAL WHERE hop = 'source' AND reason LIKE '%Taler%'"
        ((reason, payload),) = client.query(query).result_rows
    assert reason.startswith("currency: received 'Taler'")
    assert "urn:message:2" in payload
