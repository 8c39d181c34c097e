"""The jars of the reconciliation: Iceberg's, PostgreSQL's driver, and the contract's parser as a function of Spark."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import batch
from runtime.errors import Permanent
from runtime.iceberg import on_s3
from runtime.settings import settings
from stack.flink import kernel
from stack.jars import jars
from stack.java import java
from streaming.kernel.build import Sources, compiled

SOURCES = Path(batch.__file__).with_name("java")


def spark_jars() -> list[Path]:
    """All of them; what is not compiled yet is compiled now.

    The kernel wants the JSON library under the name that Flink gives it: it is the same library as in the stream.
    """
    (compiler,) = jars("compiler")
    parser = kernel()
    class_path = ":".join(map(str, (parser, *spark_home().glob("jars/spark-sql-api_*.jar"), *_scala())))
    own = compiled(java(), compiler, class_path, settings().jar_cache / "kernel", Sources("tidelake-batch", SOURCES))
    return [*jars("spark"), *(jars("s3") if on_s3(settings()) else []), parser, own]


def _scala() -> list[Path]:
    return list(spark_home().glob("jars/scala-library-*.jar"))


def spark_home() -> Path:
    """The Spark inside the pyspark wheel."""
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise Permanent("the package pyspark is not installed", todo="run `make install`")
    return Path(spec.submodule_search_locations[0])
