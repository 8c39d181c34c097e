"""Gold: the sums of each ranking over the whole history, their difference to a version, and their checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch.bronze import refs
from batch.checksum import Checksum
from batch.silver import overwrite
from rankings.ranking import Ranking
from rankings.render import spark as render
from runtime.errors import Permanent

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def write(spark: SparkSession, ranking: Ranking, version: int, zone: str) -> Checksum:
    """Overwrites a ranking's sums with those of silver, tags the snapshot with the version; their checksum."""
    overwrite(spark, render.gold(ranking), render.sums(ranking), version, zone=zone)
    return checksum(spark, ranking)


def checksum(spark: SparkSession, ranking: Ranking) -> Checksum:
    """The checksum of a ranking's sums as they stand in the lake."""
    row = spark.sql(render.checksum(ranking)).first()
    assert row is not None
    return Checksum(row.rows, int(row.checksum))


def difference(spark: SparkSession, ranking: Ranking, base: int | None) -> DataFrame:
    """What the sums have become since a version, or since nothing.

    Raises:
        Permanent: the lake lacks the version's sums.
    """
    if base is not None and render.version_tag(base) not in refs(spark, render.gold(ranking)):
        raise Permanent(
            f"the lake lacks the sums of version {base} that the next one is a difference to",
            received=f"{render.gold(ranking)} has no tag {render.version_tag(base)}",
            todo="restore the lake, or publish a version whose tag exists",
        )
    return spark.sql(render.difference(ranking, base))
