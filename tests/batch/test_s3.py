"""The lake can lie in an object store, behind a REST catalogue: Flink, Spark and pyiceberg write and read it there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from pydantic import SecretStr

from runtime.iceberg import java_properties, on_s3, python_properties
from runtime.settings import Settings
from stack.flink import job_jars
from stack.jars import class_path, jars
from tests import seaweedfs
from tests.batch import rest_catalogue

KEY, SECRET, BUCKET = "tidelake", "not so secret", "lake"

LAKE_JOB = """
import json
import time
from datetime import UTC, datetime, timedelta
from confluent_kafka import Producer
from runtime.settings import settings
from streaming.jobs import lake
from streaming.sinks.iceberg import ensure_bronze
from streaming.topics import make_topics
from rankings.topics import TOPICS
from tests.batch.log import Log

log = Log(seed=61)
# Without idempotence a retry may change the order of a partition's records, and with it which one is a sale's last.
producer = Producer({"bootstrap.servers": settings().kafka, "enable.idempotence": True})
make_topics(settings(), TOPICS)
log.grow(40)
for record in log.records:
    if not record.payload or b"mark" not in record.payload:
        producer.produce(record.topic, record.payload, record.key, partition=record.partition)
producer.flush()
boundary = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
time.sleep(1.1)
for topic in TOPICS:
    for partition in range(settings().topic_partitions):
        producer.produce(topic, json.dumps({"mark": boundary.isoformat()}), "mark", partition=partition)
producer.flush()
ensure_bronze(settings())
lake.plan(settings(), bounded=True).execute().wait()
print("TOLD", boundary.isoformat())
"""

RECONCILIATION = """
import json
import sys
from datetime import datetime
from importlib.resources import files
from batch.care import care
from batch.progress import Quiet
from batch.reconcile import reconcile
from batch.spark import session
from pyiceberg.catalog import load_catalog
from rankings.catalogue import RANKINGS
from runtime.iceberg import CATALOG, python_properties
from runtime.settings import settings
from tests.batch.log import Log
from tests.batch.world import World

with session(settings()) as spark:
    world, log = World(settings(), spark), Log(seed=61)
    log.grow(40)
    world.clear_clickhouse()
    world.postgres((files("rankings") / "sql" / "postgres_tables.sql").read_text())
    outcome = reconcile(datetime.fromisoformat(sys.argv[1]), settings())
    care(settings(), Quiet())
    silver = [row.file_path for row in spark.sql("SELECT file_path FROM lake.silver.sales.files").collect()]
    exact = all(world.published(each) == world.expected(each, log.records) for each in RANKINGS)
bronze = load_catalog(CATALOG, **python_properties(settings())).load_table("bronze.log").scan().to_arrow()
kinds = outcome.certificate.kinds
print("TOLD", json.dumps({"exact": exact, "files": silver, "bronze": bronze.num_rows, "kinds": dict(kinds)}))
"""


def test_every_engine_is_told_of_the_same_place() -> None:
    chosen = Settings(
        warehouse="s3://lake/tables",
        s3_endpoint="http://store:8333",
        s3_access_key="key",
        s3_secret_key=SecretStr("secret"),
        iceberg_rest="http://catalogue:8181",
        iceberg_rest_credential=SecretStr("id:word"),
    )
    java, python = java_properties(chosen), python_properties(chosen)
    assert on_s3(chosen)
    assert java["catalog-impl"].endswith("RESTCatalog")
    assert python["type"] == "rest"
    for name in ("uri", "credential", "warehouse", "s3.endpoint", "s3.access-key-id", "s3.secret-access-key"):
        assert java[name] == python[name]
    assert "io-impl" not in java_properties(Settings())
    assert python_properties(Settings())["type"] == "sql"


def ran(program: str, *arguments: str, told: dict[str, str]) -> str:
    """What a program tells with these settings; its JVM may write lines of its own, also behind that."""
    environment = {**os.environ, **{f"TIDELAKE_{name}": value for name, value in told.items()}}
    environment["HADOOP_CLASSPATH"] = class_path("hadoop")
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("TOLD "))
    return line.removeprefix("TOLD ")


@pytest.mark.servers
@pytest.mark.timeout(600)
def test_the_lake_job_and_a_reconciliation_in_an_object_store_behind_a_rest_catalogue(
    batch_settings: Settings, kafka: str, tmp_path: Path
) -> None:
    base = batch_settings.platform_dsn.get_secret_value()
    with closing(psycopg2.connect(base)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE in_s3")
    with seaweedfs.running(tmp_path, KEY, SECRET) as store:
        make_bucket(store)
        place = {
            "HOME": str(tmp_path / "home"),
            "WAREHOUSE": f"s3://{BUCKET}/tables",
            "S3_ENDPOINT": store,
            "S3_ACCESS_KEY": KEY,
            "S3_SECRET_KEY": SECRET,
            "PLATFORM_DSN": f"{base.rpartition('/')[0]}/in_s3",
        }
        behind = Settings(**{name.lower(): value for name, value in place.items()})  # type: ignore[arg-type]
        with rest_catalogue.running(behind, tmp_path) as address:
            told = {**place, "ICEBERG_REST": address, "KAFKA": kafka, "FLINK": "local"}
            told |= {"CLICKHOUSE": batch_settings.clickhouse.get_secret_value(), "SPARK_MASTER": "local[2]"}
            told["CHECKPOINTS"] = (tmp_path / "checkpoints").as_uri()
            told["SPARK_JARS"] = ",".join([batch_settings.spark_jars, *map(str, jars("s3"))])
            told["FLINK_JARS"] = ";".join(path.as_uri() for path in (*job_jars(), *jars("s3-flink")))
            boundary = ran(LAKE_JOB, told=told)
            found = json.loads(ran(RECONCILIATION, boundary, told=told))
    assert found["exact"]
    assert found["files"]
    assert all(path.startswith(f"s3://{BUCKET}/tables/") for path in found["files"])
    assert found["bronze"] >= sum(found["kinds"].values()) > 30


def make_bucket(store: str) -> None:
    """Makes its bucket."""
    import pyarrow.fs as fs

    address = {"endpoint_override": store, "region": "us-east-1"}
    files = fs.S3FileSystem(access_key=KEY, secret_key=SECRET, allow_bucket_creation=True, **address)
    files.create_dir(BUCKET)
