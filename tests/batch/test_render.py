"""The Spark SQL of every ranking is kept as it was reviewed."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from rankings.catalogue import RANKINGS
from rankings.ranking import LABELS, Ranking
from rankings.render import drift, lake, spark


@pytest.mark.parametrize("ranking", RANKINGS, ids=lambda ranking: ranking.slug)
def test_ranking(ranking: Ranking, snapshot: SnapshotAssertion) -> None:
    texts = [
        spark.sums(ranking),
        spark.difference(ranking, 8, 7),
        spark.checksum(ranking, "sums"),
        drift.insert(ranking),
    ]
    assert "\n\n".join(texts) == snapshot


def test_a_first_difference_is_the_sums_themselves() -> None:
    assert "UNION" not in spark.difference(RANKINGS[0], 8, None)


def test_shared(snapshot: SnapshotAssertion) -> None:
    texts = [*lake.ddl(RANKINGS), spark.latest_state(), spark.refused(), *map(spark.names, LABELS)]
    assert "\n\n".join(texts) == snapshot
