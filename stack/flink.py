"""Flink's own standalone cluster, from the apache-flink wheel: a JobManager with the Dashboard, and a TaskManager."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime.errors import Permanent, Retryable
from runtime.iceberg import on_s3
from runtime.settings import settings
from stack.addresses import ports
from stack.http import get_json
from stack.jars import class_path, jars
from stack.java import LOG_CONFIG, java, java_command
from stack.model import Service
from stack.ports import HOST
from streaming.kernel.build import kernel_jar

SLOTS = 8
JOBMANAGER, TASKMANAGER = "jobmanager", "taskmanager"
# Megabytes of the TaskManager's parts. Managed memory is the Python workers'; RocksDB has a share of its own, which
# all slots use together: cut into a piece for each slot it flushes and compacts all the time.
HEAP, FRAMEWORK_HEAP = 448, 128
DIRECT, FRAMEWORK_DIRECT, NETWORK = 128, 128, 96
MANAGED, METASPACE, OVERHEAD, ROCKSDB = 192, 320, 192, 512


def jobmanager() -> Service:
    """The JobManager; its address is the REST interface and the Dashboard."""
    return Service(
        name=JOBMANAGER,
        command=java_command(
            "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
            *("--configDir", str(conf_folder()), "--executionMode", "cluster", *_temporary_option(JOBMANAGER)),
            heap="512m",
            options=("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MaxMetaspaceSize=320m", *_options(JOBMANAGER)),
        ),
        env=_environment(),
        ready=_overview_answers,
        version=version("apache-flink"),
        address=settings().flink,
        # A JobManager that is new knows no job; the TaskManager would go on with those of the old one, and offer itself
        # to the new one only after the heartbeat's timeout.
        carries=(TASKMANAGER,),
        prepare=lambda: _prepare(JOBMANAGER),
    )


def taskmanager() -> Service:
    """The TaskManager, which runs the jobs' subtasks and their Python workers."""
    registration = _Registration()
    memory = (f"-XX:MaxDirectMemorySize={DIRECT + FRAMEWORK_DIRECT + NETWORK}m", f"-XX:MaxMetaspaceSize={METASPACE}m")
    return Service(
        name=TASKMANAGER,
        command=java_command(
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
            *("--configDir", str(conf_folder()), *_temporary_option(TASKMANAGER)),
            heap=f"{HEAP + FRAMEWORK_HEAP}m",
            options=("-XX:+UseParallelGC", *memory, *_options(TASKMANAGER)),
        ),
        env=_environment(),
        ready=registration.check,
        version=version("apache-flink"),
        address=f"{HOST}:{ports()['taskmanager_rpc']}",
        prepare=registration.begin,
        ready_seconds=180,
    )


def client_environment() -> dict[str, str]:
    """What a process needs to submit jobs to this cluster."""
    return {
        "TIDELAKE_FLINK_JARS": ";".join(path.as_uri() for path in job_jars()),
        "FLINK_CONF_DIR": str(conf_folder()),
        "FLINK_LOG_DIR": str(settings().log_dir),
        "HADOOP_CLASSPATH": class_path("hadoop"),
        # The Python functions run on the cluster. PyFlink would ask them back into the submitting process, which ends.
        "_python_worker_execution_mode": "process",
        "JVM_ARGS": f"-Djava.io.tmpdir={settings().temporary_dir} -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def job_jars() -> list[Path]:
    """What goes to the cluster with every job: connectors, Flink's Python bridge, and the project's kernel."""
    (bridge,) = (flink_home() / "opt").glob("flink-python-*.jar")
    return [*jars("flink"), *(jars("s3-flink") if on_s3(settings()) else []), bridge, kernel()]


def kernel() -> Path:
    """The project's kernel."""
    (compiler,) = jars("compiler")
    return kernel_jar(java(), compiler, _libraries(), settings().jar_cache / "kernel")


@cache
def flink_home() -> Path:
    """The Flink inside the apache-flink wheel."""
    spec = find_spec("pyflink")
    if spec is None or not spec.submodule_search_locations:
        raise Permanent("the package apache-flink is not installed", todo="run `make install`")
    return Path(spec.submodule_search_locations[0])


def conf_folder() -> Path:
    """Where this cluster's configuration is written."""
    return settings().home / "flink" / "conf"


def _environment() -> dict[str, str]:
    """Hadoop's classes are on the system class path: Iceberg looks for them there and nowhere else."""
    return {
        "CLASSPATH": f"{_libraries()}:{class_path('hadoop')}",
        "FLINK_CONF_DIR": str(conf_folder()),
        "FLINK_HOME": str(flink_home()),
        "FLINK_OPT_DIR": str(flink_home() / "opt"),
        "FLINK_LIB_DIR": str(flink_home() / "lib"),
        "FLINK_PLUGINS_DIR": str(flink_home() / "plugins"),
        "FLINK_LOG_DIR": str(settings().log_dir),
    }


def _libraries() -> str:
    """Flink's own jars as a class path."""
    return ":".join(str(path) for path in sorted((flink_home() / "lib").glob("*.jar")))


def _options(name: str) -> tuple[str, ...]:
    """The Dashboard shows the log file; the modules that Java keeps closed are opened as Flink's own scripts do."""
    return (
        *_opened_modules(),
        f"-Dlog.file={settings().log_dir / name}.log",
        f"-Djava.io.tmpdir={_temporary_folder(name)}",
    )


@cache
def _opened_modules() -> tuple[str, ...]:
    """The `--add-opens` and `--add-exports` of the configuration that the wheel comes with."""
    words = (flink_home() / "conf" / "config.yaml").read_text().split()
    return tuple(word for word in words if word.startswith(("--add-opens=", "--add-exports=")))


def _temporary_folder(name: str) -> Path:
    return settings().home / "flink" / "tmp" / name


def _temporary_option(name: str) -> tuple[str, str]:
    """Where one of the two processes keeps what it needs only while it runs, as an argument of its main class."""
    return ("-D", f"io.tmp.dirs={_temporary_folder(name)}")


def _prepare(name: str) -> None:
    """Empties the process's temporary folder, and writes the configuration that both and every client read."""
    shutil.rmtree(_temporary_folder(name), ignore_errors=True)
    for folder in (conf_folder(), _temporary_folder(name)):
        folder.mkdir(parents=True, exist_ok=True)
    lines = (f'{option}: "{value}"' for option, value in configuration().items())
    _replace(conf_folder() / "config.yaml", "\n".join(lines) + "\n")
    _replace(conf_folder() / "log4j-cli.properties", LOG_CONFIG.read_text())


def _replace(path: Path, text: str) -> None:
    """Both processes start at once, and neither may read half of what the other's start writes."""
    fresh = path.with_name(f".{path.name}.{threading.get_ident()}")
    fresh.write_text(text)
    fresh.replace(path)


def configuration() -> dict[str, str]:
    """Flink's configuration by its option names."""
    return {**_addresses(), **_memory(), **_state(), **_recovery(), **_python()}


def _addresses() -> dict[str, str]:
    port = ports()
    return {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": str(port["flink_rpc"]),
        "jobmanager.bind-host": HOST,
        "blob.server.port": str(port["flink_blob"]),
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": str(port["flink"]),
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.rpc.port": str(port["taskmanager_rpc"]),
        "taskmanager.data.port": str(port["taskmanager_data"]),
        "security.delegation.tokens.enabled": "false",
        "env.java.opts.all": " ".join(_opened_modules()),
    }


def _memory() -> dict[str, str]:
    """A TaskManager that no script starts needs every part of its memory named."""
    return {
        "taskmanager.numberOfTaskSlots": str(SLOTS),
        "taskmanager.cpu.cores": "2",
        "taskmanager.memory.task.heap.size": f"{HEAP}m",
        "taskmanager.memory.framework.heap.size": f"{FRAMEWORK_HEAP}m",
        "taskmanager.memory.task.off-heap.size": f"{DIRECT}m",
        "taskmanager.memory.framework.off-heap.size": f"{FRAMEWORK_DIRECT}m",
        "taskmanager.memory.network.min": f"{NETWORK}m",
        "taskmanager.memory.network.max": f"{NETWORK}m",
        "taskmanager.memory.managed.size": f"{MANAGED}m",
        "taskmanager.memory.jvm-metaspace.size": f"{METASPACE}m",
        "taskmanager.memory.jvm-overhead.min": f"{OVERHEAD}m",
        "taskmanager.memory.jvm-overhead.max": f"{OVERHEAD}m",
    }


def _state() -> dict[str, str]:
    """State may outgrow memory; the jobs themselves say that their checkpoints outlive them."""
    return {
        "state.backend.type": "rocksdb",
        "state.backend.rocksdb.memory.fixed-per-tm": f"{ROCKSDB}m",
        # Most records are of a sale that is new: a filter says so without a look into the files.
        "state.backend.rocksdb.use-bloom-filter": "true",
        # Every checkpoint writes small files: merging them by size costs half of what merging them by level does.
        "state.backend.rocksdb.compaction.style": "UNIVERSAL",
        # Otherwise every database that is opened leaves a log of its own beside the servers' logs.
        "state.backend.rocksdb.log.dir": str(_temporary_folder(TASKMANAGER)),
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.dir": settings().checkpoints,
        "execution.checkpointing.storage": "filesystem",
        "execution.checkpointing.num-retained": "2",
    }


def _recovery() -> dict[str, str]:
    """A job is started again for ever, a killed TaskManager is missed within seconds."""
    return {
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500ms",
        "restart-strategy.exponential-delay.max-backoff": "10s",
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": "2147483647",
        "heartbeat.interval": "2000",
        "heartbeat.timeout": "30000",
        # Under the name of the one that was killed, a new TaskManager makes the JobManager let go of it at once.
        "taskmanager.resource-id": TASKMANAGER,
        # The two start side by side: the TaskManager looks for the JobManager every second until it is there.
        "cluster.registration.error-delay": "1000",
        "taskmanager.registration.timeout": "30 min",
    }


def _python() -> dict[str, str]:
    return {"python.executable": sys.executable, "python.client.executable": sys.executable}


def rest(path: str) -> dict[str, Any]:
    """What the JobManager's REST interface answers.

    Raises:
        Retryable: it does not answer, or answers with an error.
    """
    content: dict[str, Any] = get_json(settings().flink + path)
    return content


def _overview_answers() -> None:
    rest("/overview")


class _Registration:
    """Tells the TaskManager that runs from the one before it, which the JobManager may still believe in."""

    def __init__(self) -> None:
        self._began_ms = 0.0

    def begin(self) -> None:
        """Before a start."""
        self._began_ms = time.time() * 1000
        _prepare(TASKMANAGER)

    def check(self) -> None:
        """Raises Retryable until the JobManager has heard of the TaskManager that runs."""
        # Epoch milliseconds, despite the name; 0 between the registration and the first heartbeat.
        heard = [each["timeSinceLastHeartbeat"] for each in rest("/taskmanagers")["taskmanagers"]]
        if not any(at == 0 or at >= self._began_ms for at in heard):
            raise Retryable("the TaskManager has not registered yet")


def check_jobs(names: tuple[str, ...]) -> None:
    """Raises Retryable unless every named job runs with all its tasks."""
    jobs = rest("/jobs/overview")["jobs"]
    for name in names:
        tasks = [job["tasks"] for job in jobs if job["name"] == name and job["state"] == "RUNNING"]
        if not tasks:
            raise Retryable(f"the job {name} is not running yet")
        if tasks[0]["running"] + tasks[0]["finished"] < tasks[0]["total"]:
            raise Retryable(f"some tasks of the job {name} are not running yet")
