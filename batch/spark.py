"""The Spark session of a reconciliation: made once, with the lake's catalog, and gone with its JVM at the end."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, TYPE_CHECKING, Any

import structlog

from runtime.errors import Permanent
from runtime.iceberg import CATALOG, java_properties
from runtime.settings import Settings

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

log = structlog.get_logger()

SHOWN = 500
"""How many characters of Spark's message an error shows."""

LOG_CONFIG = Path(__file__).with_name("log4j2.properties")
STOP_SECONDS = 20


@contextmanager
def session(settings: Settings) -> Iterator[SparkSession]:
    """A session with the catalog `lake`, gone at the end of the block; one that is open already is used as it is.

    Raises:
        Permanent: Java or a jar is missing, the JVM does not start, or Spark fails in the block.
    """
    from pyspark.sql import SparkSession

    opened = SparkSession.getActiveSession()
    with nullcontext(opened) if opened else _new_session(settings) as spark, _translated():
        yield spark


@contextmanager
def _translated() -> Iterator[None]:
    """Turns Spark's errors into ours while the JVM still knows their texts."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        text = str(error).strip() or type(error).__name__
        log.error("Spark failed", error=text)
        first = text.splitlines()[0][:SHOWN]
        raise Permanent("Spark failed", received=first, todo="see logs/reconcile.json and logs/spark.log") from None


@contextmanager
def _new_session(settings: Settings) -> Iterator[SparkSession]:
    """Its JVM reads from a pipe that this process holds, so it also ends when this process is killed."""
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    with _scratch(settings.home / "spark") as scratch, (settings.log_dir / "spark.log").open("ab") as log:
        gateway = _jvm(settings, scratch, log)
        try:
            yield _session(gateway, settings, _start_options(settings, scratch))
            _stop(gateway)
        finally:
            _end(gateway)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder within another one for this session alone, gone with it; what killed ones have left is removed.

    Sessions of several processes may be open at a time: only those that write versions hold the ledger's lock. Each
    holds a lock on its own folder, which ends with its process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as mine:
        with ExitStack() as among_all:
            # Nobody looks for what is left between the making of a folder and its lock.
            among_all.enter_context(_locked(folder, fcntl.LOCK_EX))
            for left in folder.iterdir():
                _remove_left(left)
            scratch = Path(mkdtemp(dir=folder))
            mine.enter_context(_locked(scratch, fcntl.LOCK_EX))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _remove_left(left: Path) -> None:
    with suppress(OSError), _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    """Holds a lock on a file or folder; programs that this process starts do not inherit it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)


def _jvm(settings: Settings, scratch: Path, log: IO[bytes]) -> Any:
    """Starts the JVM with what has to be known at its start; passwords are not among it, for `ps` shows it to all.

    Under `spark-submit`, which has started this process, it is the JVM of that.
    """
    from pyspark import SparkConf
    from pyspark.errors import PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway

    if settings.spark_master.startswith("local"):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    conf = SparkConf(loadDefaults=False).setAll(list(_start_options(settings, scratch).items()))
    try:
        return launch_gateway(
            conf,  # type: ignore[no-untyped-call]
            {"stdout": log, "stderr": subprocess.STDOUT},
        )
    except PySparkRuntimeError as error:
        todo = f"read the end of {log.name}; Spark needs Java 17 or later on PATH or in JAVA_HOME"
        raise Permanent("Spark's JVM did not start", received=str(error), todo=todo) from error


def _start_options(settings: Settings, scratch: Path) -> Mapping[str, str]:
    jars = jar_files(settings)
    java = (f"-Dlog4j2.configurationFile={LOG_CONFIG.as_uri()}", "-XX:+UseParallelGC", f"-Djava.io.tmpdir={scratch}")
    return {
        "spark.app.name": "tidelake-reconcile",
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.extraClassPath": ":".join(jars),
        "spark.driver.extraJavaOptions": " ".join(java),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # It would look for the line of Python behind every column, and ask the JVM for several classes each time.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": (scratch / "warehouse").as_uri(),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        **_event_log(settings),
        **_place(settings, jars),
        **_asked(settings),
    }


def _event_log(settings: Settings) -> Mapping[str, str]:
    """What the History Server shows later."""
    folder = settings.spark_event_dir
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": folder.as_uri(),
        "spark.eventLog.rolling.enabled": "false",
    }


def _place(settings: Settings, jars: list[str]) -> Mapping[str, str]:
    """In this process alone, or on a cluster, whose executors need the jars and a way back."""
    if settings.spark_master.startswith("local"):
        return {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return {"spark.jars": ",".join(Path(jar).absolute().as_uri() for jar in jars)}


def _asked(settings: Settings) -> Mapping[str, str]:
    """What the deployment sets itself."""
    pairs = (part.partition("=") for part in settings.spark_options.split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def jar_files(settings: Settings) -> list[str]:
    """Those that the setting names, as a running stack fills it in; else those that the stack locks."""
    if settings.spark_jars:
        return settings.spark_jars.split(",")
    from stack.jars import jars

    return [str(path) for path in jars("spark")]


def _session(gateway: Any, settings: Settings, options: Mapping[str, str]) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    # It would write every error of a query to standard error as one line of JSON.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    # A configuration made through this gateway carries what the JVM was started with, by whomever.
    SparkContext._ensure_initialized(gateway=gateway)
    conf = SparkConf(_jvm=gateway.jvm)
    for name, value in options.items():
        conf.setIfMissing(name, value)
    context = _uninterrupted(lambda: SparkContext(gateway=gateway, conf=conf))
    made = SparkSession(context)
    for name, value in {**_session_options(), **_catalog(settings)}.items():
        made.conf.set(name, value)
    return made


ROWS_OF_A_PARTITION = 250_000
LEAST_PARTITIONS, MOST_PARTITIONS = 2, 400


def size(spark: SparkSession, rows: int) -> None:
    """Has shuffles split as many rows as these into partitions of a size that a task can hold in memory.

    Adaptive execution joins those that turn out small; it can't split what a few tasks had to sort.
    """
    partitions = min(max(rows // ROWS_OF_A_PARTITION, LEAST_PARTITIONS), MOST_PARTITIONS)
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))


def _session_options() -> Mapping[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "true",
        # Has adaptive execution join the small parts of what is kept in between, too.
        "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning": "true",
        "spark.sql.autoBroadcastJoinThreshold": "64m",
        "spark.sql.shuffle.partitions": str(LEAST_PARTITIONS),
        "spark.sql.execution.arrow.maxRecordsPerBatch": "20000",
        "spark.sql.execution.pyspark.udf.faulthandler.enabled": "true",
    }


def _catalog(settings: Settings) -> Mapping[str, str]:
    """The Iceberg catalog that the Flink jobs write to; tables are read afresh each time, for others write them too."""
    values = {"": "org.apache.iceberg.spark.SparkCatalog", ".cache-enabled": "false"}
    values |= {f".{name}": value for name, value in java_properties(settings).items()}
    return {f"spark.sql.catalog.{CATALOG}{name}": value for name, value in values.items()}


def _uninterrupted(make: Callable[[], SparkContext]) -> SparkContext:
    """Undoes that a context takes Ctrl-C over: its handler calls the JVM in the middle of the call under way."""
    before = signal.getsignal(signal.SIGINT)
    context = make()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, before)
    return context


def _stop(gateway: Any) -> None:
    """Stops Spark in an orderly way."""
    from pyspark import SparkContext

    if SparkContext._active_spark_context:
        SparkContext._active_spark_context.stop()
    gateway.shutdown()


def _end(gateway: Any) -> None:
    """Sees to it that the JVM is gone, whatever it was doing, and lets this process start another.

    That of `spark-submit` ends with this process.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context:
        # It would print the traceback of a connection that ends with the JVM.
        SparkContext._active_spark_context._accumulatorServer.shutdown()
    SparkContext._gateway = SparkContext._jvm = SparkContext._active_spark_context = None
    SparkSession._instantiatedSession = None
    if gateway.proc is None:
        return
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
