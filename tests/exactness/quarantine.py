"""The quarantine as ClickHouse holds it, against what the log has that the contract refuses."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from typing import Any

from streaming.clickhouse import connect
from tests.exactness.log import Refused
from tests.exactness.waiting import wait_until
from tests.streaming.test_kernel_contract import AS_A_WHOLE

Rows = Mapping[tuple[str, int, int], Refused]
SHOWN = 5


def holds_exactly(hop: str, refused: Rows) -> None:
    """Waits until there are as many records as were refused, then looks whether they are those, as they came."""
    with closing(connect()) as client:
        wait_until(lambda: count(client, hop) >= len(refused), lambda: differences(found(client, hop), refused))
        rows = found(client, hop)
    assert rows == {at: comparable(each) for at, each in refused.items()}, differences(rows, refused)


def count(client: Any, hop: str) -> int:
    """How many records one hop has refused."""
    text = "SELECT count() FROM quarantine FINAL WHERE hop = {hop:String}"
    return int(client.query(text, parameters={"hop": hop}).result_rows[0][0])


def found(client: Any, hop: str) -> Rows:
    """What one hop has refused, byte for byte."""
    text = (
        "SELECT topic, partition, offset, field, reason, key, payload, log_time FROM quarantine FINAL "
        "WHERE hop = {hop:String}"
    )
    rows = client.query(text, parameters={"hop": hop}, column_formats={"key": "bytes", "payload": "bytes"}).result_rows
    return {
        (topic, partition, offset): comparable(Refused(field, reason, key, payload, at.replace(tzinfo=UTC)))
        for topic, partition, offset, field, reason, key, payload, at in rows
    }


def comparable(refused: Refused) -> Refused:
    """Each language words it its own way where a payload is no JSON object."""
    return replace(refused, reason="as a whole") if refused.reason.startswith(AS_A_WHOLE) else refused


def differences(rows: Rows, refused: Rows) -> str:
    """The first records that are missing, that should not be there, and that are not as they came."""
    missing = [(at, refused[at]) for at in refused.keys() - rows.keys()]
    more = [(at, rows[at]) for at in rows.keys() - refused.keys()]
    wrong = [(rows[at], refused[at]) for at in rows.keys() & refused.keys() if rows[at] != comparable(refused[at])]
    return (
        f"{len(missing)} are missing: {missing[:SHOWN]}\n{len(more)} should not be there: {more[:SHOWN]}\n"
        f"{len(wrong)} are not as they came: {wrong[:SHOWN]}"
    )
