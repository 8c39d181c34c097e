"""The table environment that a job is planned in, and the cluster that it goes to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from runtime.settings import Settings


@dataclass(frozen=True)
class Job:
    """What a job is called and how it runs.

    Attributes:
        name: as Flink's Dashboard shows it; its last part is its path in `progress`.
        group: its consumer group, by whose committed offsets its progress is known.
        checkpoint_seconds: between two checkpoints.
        parallelism: of every operator.
        checkpoints: the folder (URI) that its checkpoints lie under.
        restore: a checkpoint to go on from, or None to start from the log alone.
    """

    name: str
    group: str
    checkpoint_seconds: float
    parallelism: int
    checkpoints: str
    restore: str | None = None


def ending(job: Job, chosen: Settings) -> Job:
    """The same job as one that ends; its own name keeps it and its progress from being taken for those of the other."""
    name = f"{job.name}-bounded"
    return replace(job, name=name, group=name, checkpoints=f"{chosen.checkpoints}/{name}")


def environment(job: Job, chosen: Settings, more: dict[str, str] | None = None) -> Any:
    """A streaming table environment whose statements run on the settings' cluster."""
    from pyflink.common import Configuration
    from pyflink.table import EnvironmentSettings, TableEnvironment

    # Set before the environment is made: it decides by them whether Python runs on the cluster or in this process.
    configuration = Configuration()
    for name, value in {**_options(job, chosen), **(more or {})}.items():
        configuration.set_string(name, value)
    planned = TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )
    # Set on the environment, not before: only then are they on the class path of the planning process too.
    planned.get_config().set("pipeline.jars", chosen.flink_jars)
    return planned


def _options(job: Job, chosen: Settings) -> dict[str, str]:
    return {
        "pipeline.name": job.name,
        "pipeline.object-reuse": "true",
        "parallelism.default": str(job.parallelism),
        # The parsed records are read by several inserts: one operator for all instead of one for each.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "table.local-time-zone": chosen.business_time_zone,
        "execution.checkpointing.interval": f"{int(job.checkpoint_seconds * 1000)} ms",
        "execution.checkpointing.min-pause": f"{int(job.checkpoint_seconds * 500)} ms",
        "execution.checkpointing.tolerable-failed-checkpoints": "2147483647",
        "execution.checkpointing.dir": job.checkpoints,
        # An option of the job, not of the cluster: without it they go when the cluster is asked to stop.
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        **_target(chosen.flink),
        **_restore(job.restore),
    }


def _target(flink: str) -> dict[str, str]:
    """The cluster by its REST address; `local` runs the job inside the planning process."""
    if flink == "local":
        return {}
    address = urlsplit(flink)
    return {"execution.target": "remote", "rest.address": str(address.hostname), "rest.port": str(address.port)}


def _restore(checkpoint: str | None) -> dict[str, str]:
    if checkpoint is None:
        return {}
    return {"execution.state-recovery.path": checkpoint, "execution.state-recovery.claim-mode": "CLAIM"}
