"""A stack is up without live where that waits for an operator, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import Retryable
from runtime.settings import settings
from stack import addresses, own
from stack.model import HeldBack
from streaming.alive import held_back


def test_live_that_may_not_begin_is_told_and_the_lake_has_to_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses.write(addresses.choose())
    running = {own.JOBS[0]}

    def check(names: tuple[str, ...]) -> None:
        if missing := set(names) - running:
            raise Retryable(f"{missing} not running")

    monkeypatch.setattr(own, "check_jobs", check)
    keeper, told = own.keeper(), held_back(settings())
    with pytest.raises(Retryable, match=own.JOBS[1]):
        keeper.ready()
    told.write_text("run `tidelake reconcile`")
    with pytest.raises(HeldBack, match="tidelake reconcile"):
        keeper.ready()
    running.clear()
    with pytest.raises(Retryable, match=own.JOBS[0]):
        keeper.ready()
    keeper.prepare()
    assert not told.exists()
