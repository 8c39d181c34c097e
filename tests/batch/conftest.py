"""A real lake, PostgreSQL, ClickHouse and Spark for the batch's tests, started once if a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from batch.spark import session
from runtime.settings import Settings
from stack.spark import spark_jars
from tests.batch.beginning import Beginning, Begun
from tests.batch.world import World
from tests.postgres import running as postgres_running
from tests.stack_clickhouse.gateway import PASSWORD, USER
from tests.stack_clickhouse.gateway import running as gateway_running

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


FOR_A_HUNDRED_ROWS = ";".join(
    (
        "spark.sql.codegen.wholeStage=false",
        "spark.sql.codegen.cache.maxEntries=5000",
        "spark.sql.ui.explainMode=simple",
        "spark.eventLog.enabled=false",
    )
)
"""For a hundred rows, compiling each query and telling at length how it runs take far longer than running it.

What is compiled and told runs in `test_cluster`, `test_s3` and `tests/exactness`, what is compiled also in
`test_golden`. The single expressions that are compiled even so are remembered from one test to the next."""


@pytest.fixture(scope="session")
def batch_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name servers of the tests' own."""
    home = tmp_path_factory.mktemp("batch")
    with postgres_running() as dsn, gateway_running(tmp_path_factory.mktemp("clickhouse")) as gateway:
        password = PASSWORD.replace("@", "%40").replace(" ", "%20")
        yield Settings(
            home=home,
            platform_dsn=SecretStr(dsn),
            clickhouse=SecretStr(f"http://{USER}:{password}@127.0.0.1:{gateway.port}/tidelake"),
            warehouse=Path(home, "lake").as_uri(),
            business_time_zone="Europe/Berlin",
            spark_master="local[2]",
            mark_wait_seconds=1,
            live_wait_seconds=0,
            spark_jars=",".join(map(str, spark_jars())),
            spark_options=FOR_A_HUNDRED_ROWS,
        )


@pytest.fixture(scope="session")
def spark(batch_settings: Settings) -> Iterator[SparkSession]:
    """The session that reconciliations of this process use."""
    with session(batch_settings) as made:
        yield made


@pytest.fixture
def world(batch_settings: Settings, spark: SparkSession) -> World:
    """Empty stores and an empty lake."""
    made = World(batch_settings, spark)
    made.clear()
    return made


@pytest.fixture(scope="session")
def beginning(batch_settings: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    """The first version of the tests that go on from it."""
    made = World(batch_settings, spark)
    made.clear()
    return Beginning(made, tmp_path_factory.mktemp("beginning") / "lake")


@pytest.fixture
def begun(batch_settings: Settings, spark: SparkSession, beginning: Beginning, request: pytest.FixtureRequest) -> Begun:
    """A lake and stores with a first version, and a log that grows in each test otherwise."""
    return beginning.put_back(World(batch_settings, spark), seed=request.node.name)
