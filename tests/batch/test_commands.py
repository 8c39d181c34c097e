"""What `tidelake verify --source` prints and how it ends, where the source is what the log tells, and where not."""

from __future__ import annotations

import pytest

from rankings.topics import TOPICS
from streaming.topics import make_topics
from tests.batch.beginning import Begun
from tests.batch.command import told_to
from tests.batch.log import PARTITIONS
from tests.batch.test_history import in_shop, marked_later
from tests.sources.command import run, told

pytestmark = pytest.mark.servers


def test_the_source_is_verified_by_the_command(begun: Begun, kafka: str) -> None:
    world, log, _ = begun
    first, *_ = in_shop(world)
    marked_later(world, log)
    world.settings = world.settings.model_copy(update={"kafka": kafka, "topic_partitions": PARTITIONS})
    make_topics(world.settings, TOPICS)
    with told_to(world.settings):
        agreed = run("verify", "--source").stdout
        world.postgres("UPDATE public.sales SET amount = amount + 1 WHERE sale_id = %s", (first[0],))
        shown = run("verify", "--source", code=1).stdout
        listed = told("verify", "--source", code=1)
    assert agreed.endswith("they agree\n")
    assert "1 sales differ" in shown
    assert f"{first[6] + 1}" in shown
    assert (listed["holds"], [each["sale_id"] for each in listed["sales"]]) == (False, [first[0]])
