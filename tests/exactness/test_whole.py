"""After all that the other tests did, history recomputed from the lake is what live came to, what was refused too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rankings.render.clickhouse import View
from tests.exactness.quarantine import holds_exactly
from tests.exactness.truth import Truth

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def test_history_is_what_live_came_to(truth: Truth, reconcile: Callable[[], None]) -> None:
    truth.equals_live()
    reconcile()
    truth.equals_everywhere()
    truth.equals_api(View.RECONCILED)
    truth.equals_api()
    holds_exactly("batch", truth.refused())
    holds_exactly("stream", truth.refused())
