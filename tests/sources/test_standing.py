"""Where answers are made it is known how every source fares, and which ones are gone."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.settings import Settings
from streaming.clickhouse import connect
from streaming.sources import state
from streaming.sources.standing import Standing
from streaming.sources.state import SourceState, State

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

NOW = datetime(2100, 1, 1, tzinfo=UTC)


def told() -> dict[str, tuple[object, ...]]:
    with closing(connect()) as client:
        query = "SELECT name, kind, topic, state, last_error, last_read_at, defined FROM source_states FINAL"
        return {name: tuple(rest) for name, *rest in client.query(query).result_rows}


def test_every_source_is_told_until_it_is_gone(servers: Settings, tmp_path: Path) -> None:
    definition = tmp_path / "standing-till.yaml"
    definition.write_text("name: standing-till\nkind: files\nfolder: /drop\n")
    chosen = servers.model_copy(update={"sources_dir": tmp_path})
    standing = Standing(chosen)
    with closing(connect()) as client:
        standing.write(client, NOW)
        assert told()["standing-till"] == ("files", "events.files", "unknown", "", None, 1)
        read = datetime(2026, 3, 1, tzinfo=UTC)
        state.write(chosen, SourceState("standing-till", "files", State.RETRYING, "away", last_read_at=read))
        standing.write(client, NOW + timedelta(seconds=1))
        assert told()["standing-till"][2] == "unknown"
        standing.write(client, NOW + timedelta(seconds=6))
        assert told()["standing-till"][2:4] == ("retrying", "away")
        definition.unlink()
        standing.write(client, NOW + timedelta(seconds=12))
        assert told()["standing-till"][-1] == 0
