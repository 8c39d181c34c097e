"""The lake can lie in an object store: reconciliations read and write it there, and pyiceberg sees the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2
import pytest
from pydantic import SecretStr

from runtime.iceberg import java_properties, on_s3, python_properties
from runtime.settings import Settings
from stack.ports import HOST, free_port

KEY, SECRET = "tidelake", "not so secret"

PROGRAM = """
import json
from importlib.resources import files
from batch.care import care
from batch.progress import Quiet
from batch.spark import session
from pyiceberg.catalog import load_catalog
from runtime.iceberg import CATALOG, python_properties
from runtime.settings import settings
from tests.batch.log import Log
from tests.batch.test_reconcile import grown, published
from tests.batch.world import World

with session(settings()) as spark:
    world, log = World(settings(), spark), Log(seed=61)
    world.clear()
    world.postgres((files("rankings") / "sql" / "postgres_tables.sql").read_text())
    published(world, grown(world, log, 40))
    second = published(world, grown(world, log, 20))
    care(settings(), Quiet())
    silver = [row.file_path for row in spark.sql("SELECT file_path FROM lake.silver.sales.files").collect()]
bronze = load_catalog(CATALOG, **python_properties(settings())).load_table("bronze.log").scan().to_arrow()
told = {"versions": second.certificate.versions, "files": silver, "bronze": bronze.num_rows, "log": len(log.records)}
print(json.dumps(told))
"""


@dataclass(frozen=True, slots=True)
class Store:
    """A running object store."""

    address: str
    bucket: str


@contextmanager
def running(folder: Path) -> Iterator[Store]:
    """SeaweedFS with one bucket, gone at the end."""
    keys = [{"accessKey": KEY, "secretKey": SECRET}]
    identities = [{"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    ports = [free_port(set()) for _ in range(7)]
    names = (
        "-master.port",
        "-master.port.grpc",
        "-volume.port",
        "-volume.port.grpc",
        "-filer.port",
        "-filer.port.grpc",
    )
    options = [f"{name}={port}" for name, port in zip(names, ports, strict=False)]
    program = Path(sys.executable).with_name("weed")
    command = [str(program), "server", "-s3", f"-s3.port={ports[6]}", f"-s3.config={config}", f"-dir={folder}"]
    command += [f"-ip={HOST}", f"-ip.bind={HOST}", "-volume.max=20", "-master.volumeSizeLimitMB=64", *options]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            address = f"http://{HOST}:{ports[6]}"
            _wait(address, folder / "log")
            yield Store(address, "lake")
        finally:
            server.terminate()


def _wait(address: str, log: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if httpx.get(address).status_code in (200, 403):
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.3)


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


@pytest.mark.servers
def test_a_reconciliation_in_an_object_store(batch_settings: Settings, tmp_path: Path) -> None:
    import pyarrow.fs as fs

    from stack.jars import jars

    base = batch_settings.platform_dsn.get_secret_value()
    with closing(psycopg2.connect(base)) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE in_s3")
    with running(tmp_path) as store:
        files = fs.S3FileSystem(
            access_key=KEY,
            secret_key=SECRET,
            endpoint_override=store.address,
            region="us-east-1",
            allow_bucket_creation=True,
        )
        files.create_dir(store.bucket)
        told = {
            "HOME": str(tmp_path / "home"),
            "WAREHOUSE": f"s3://{store.bucket}/tables",
            "S3_ENDPOINT": store.address,
            "S3_ACCESS_KEY": KEY,
            "S3_SECRET_KEY": SECRET,
            "PLATFORM_DSN": f"{base.rpartition('/')[0]}/in_s3",
            "CLICKHOUSE": batch_settings.clickhouse.get_secret_value(),
            "SPARK_MASTER": "local[2]",
            "SPARK_JARS": ",".join([batch_settings.spark_jars, *map(str, jars("s3"))]),
        }
        environment = {**os.environ, **{f"TIDELAKE_{name}": value for name, value in told.items()}}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found = json.loads(done.stdout.splitlines()[-1])
        assert found["versions"] == [1, 2]
        assert all(path.startswith(f"s3://{store.bucket}/tables/") for path in found["files"])
        assert found["bronze"] == found["log"]
