"""Where answers are made it is known how every source fares, and which ones are gone."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runtime.errors import Permanent, Retryable
from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.sources import standing
from streaming.sources.catalogue import DEFINITION, Unusable
from streaming.sources.standing import Standing
from streaming.sources.state import SourceState, State
from tests.sources.test_mapping import source

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]


def told() -> dict[str, tuple[object, ...]]:
    with closing(connect()) as client:
        query = "SELECT name, kind, topic, state, last_error, last_read_at, defined FROM source_states FINAL"
        return {name: tuple(rest) for name, *rest in client.query(query).result_rows}


def test_every_source_is_told_until_it_is_gone(servers: Settings) -> None:
    till, copies = source().model_copy(update={"name": "standing-till"}), Standing(every_seconds=0)
    copies.write([till], {})
    assert told()["standing-till"] == ("files", "events.files", "unknown", "", None, 1)
    away = SourceState("standing-till", "files", State.RETRYING, "away", datetime(2026, 3, 1, tzinfo=UTC))
    copies.write([till], {"standing-till": away})
    assert told()["standing-till"][2:4] == ("retrying", "away")
    copies.write([], {"standing-till": away})
    assert told()["standing-till"][-1] == 0


def test_a_definition_that_was_never_valid_is_told_and_the_others_go_on(servers: Settings) -> None:
    till, other = (source().model_copy(update={"name": f"standing-{name}"}) for name in ("good", "other"))
    copies, read = Standing(every_seconds=0), datetime(2026, 3, 1, tzinfo=UTC)
    copies.write([till, other], {})
    wrong = [
        Unusable(Path(f"/{name}.yaml"), f"standing-{name}", Permanent("kind: no such kind")) for name in ("bad", "good")
    ]
    well = {"standing-good": SourceState("standing-good", "files", State.WAITING, last_read_at=read)}
    copies.write([till], well, wrong)
    assert told()["standing-good"] == ("files", "events.files", "waiting", "", read.replace(tzinfo=None), 1)
    assert told()["standing-bad"] == ("unknown", "", "stopped", "kind: no such kind", None, 1)
    assert told()["standing-other"][-1] == 1, "the file may define it"
    copies.write([till], well)
    assert {name: told()[f"standing-{name}"][-1] for name in ("good", "bad", "other")} == {
        "good": 1,
        "bad": 0,
        "other": 0,
    }


def test_the_table_says_which_kinds_and_states_there_are(servers: Settings) -> None:
    with closing(connect()) as client:
        where = "database = currentDatabase() AND table = 'source_states'"
        comments = dict(client.query(f"SELECT name, comment FROM system.columns WHERE {where}").result_rows)
    known = {"kind": list(DEFINITION.json_schema()["discriminator"]["mapping"]), "state": list(State)}
    for column, valid in known.items():
        values, _, more = comments[column].partition("; ")
        assert values.split(", ") == valid
        assert more.startswith(f"{standing.UNKNOWN} where")


def test_it_is_told_no_more_often_than_wanted(servers: Settings) -> None:
    till, copies = source().model_copy(update={"name": "standing-calm"}), Standing(every_seconds=3600)
    copies.write([till], {})
    copies.write([], {"standing-calm": SourceState("standing-calm", "files", State.WAITING)})
    assert told()["standing-calm"][-1] == 1


def test_a_store_that_is_away_is_told_and_not_asked_at_once_again(
    servers: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clickhouse_connect.driver.exceptions import OperationalError

    asked = []

    def away() -> None:
        asked.append(1)
        raise OperationalError("away")

    monkeypatch.setattr(standing, "connect", away)
    copies = Standing(every_seconds=3600)
    with pytest.raises(Retryable, match="not in ClickHouse"):
        copies.write([source()], {})
    copies.write([source()], {})
    assert asked == [1]
