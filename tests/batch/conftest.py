"""A real lake, PostgreSQL, ClickHouse and Spark for the batch's tests, started once if a test asks for them.

They end with the last test of this folder: the tests of others that the same process runs need the memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from batch.spark import session
from runtime.settings import Settings, settings
from stack.spark import spark_jars
from tests import small_stack
from tests.batch.beginning import Beginning, Begun
from tests.batch.world import World
from tests.postgres import running as postgres_running
from tests.running_stack import at_home
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

The single expressions that are compiled even so are remembered from one query to the next."""

COMPILED: Mapping[str, tuple[str, str]] = {
    "spark.sql.codegen.wholeStage": ("true", "false"),
    "spark.sql.codegen.factoryMode": ("FALLBACK", "NO_CODEGEN"),
    "spark.sql.adaptive.enabled": ("true", "false"),
}
"""How queries are compiled, and planned anew while they run: as the product has it, and as tests of a hundred rows have
it, for which both take far longer than running them.

The product's way runs in `test_cluster`, `test_s3` and `tests/exactness`, and for single queries in `test_golden`."""


def compiled(spark: SparkSession, *, as_product: bool) -> None:
    """Sets how queries are compiled from here on."""
    for name, (of_product, of_tests) in COMPILED.items():
        spark.conf.set(name, of_product if as_product else of_tests)


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def spark(batch_settings: Settings) -> Iterator[SparkSession]:
    """The session that reconciliations of this process use."""
    with session(batch_settings) as made:
        compiled(made, as_product=False)
        yield made


@pytest.fixture
def world(batch_settings: Settings, spark: SparkSession) -> World:
    """Empty stores and an empty lake."""
    made = World(batch_settings, spark)
    made.clear()
    return made


@pytest.fixture(scope="package")
def beginning(batch_settings: Settings, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Beginning:
    """The first version of the tests that go on from it."""
    made = World(batch_settings, spark)
    made.clear()
    return Beginning(made, tmp_path_factory.mktemp("beginning") / "lake")


@pytest.fixture
def begun(batch_settings: Settings, spark: SparkSession, beginning: Beginning, request: pytest.FixtureRequest) -> Begun:
    """A lake and stores with a first version, and a log that grows in each test otherwise."""
    return beginning.put_back(World(batch_settings, spark), seed=request.node.name)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker."""
    home = tmp_path_factory.mktemp("kafka")
    (home / "logs").mkdir()
    with at_home(home):
        server = small_stack.start(home, ["kafka"])
        address = settings().kafka
    try:
        yield address
    finally:
        with at_home(home):
            small_stack.stop(server)
