"""Keeps the two Flink jobs running: submits the one that is missing, from its last checkpoint if there is one.

A standalone cluster forgets its jobs when the JobManager dies; on Kubernetes the Flink operator does what this does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import structlog

from observe.logs import configure
from runtime.errors import Permanent
from runtime.settings import Settings, settings
from streaming import rebuild
from streaming.alive import held_back
from streaming.clickhouse import connect
from streaming.jobs import lake, live
from streaming.jobs.environment import Job

LOOK_SECONDS = 2.0
ENDED = frozenset({"FAILED", "CANCELED", "FINISHED", "SUSPENDED"})

log = structlog.get_logger()


def main() -> None:
    """Looks for ever."""
    from clickhouse_connect.driver.exceptions import ClickHouseError

    configure("jobs")
    while True:
        try:
            look_and_tell(settings())
        except httpx.HTTPError as error:
            log.warning("the JobManager does not answer", flink=settings().flink, error=str(error))
        except ClickHouseError as error:
            log.warning("ClickHouse does not answer", error=str(error))
        time.sleep(LOOK_SECONDS)


def look_and_tell(chosen: Settings) -> None:
    """Looks; what keeps the live job from beginning is written where the stack's state shows it, and logged once."""
    told = held_back(chosen)
    try:
        look(chosen)
    except Permanent as error:
        if not told.exists() or told.read_text() != str(error):
            log.error("the live job cannot be started", error=str(error))
            told.write_text(str(error))
    else:
        told.unlink(missing_ok=True)


def jobs(chosen: Settings) -> dict[str, Job]:
    """The jobs that have to run, by the name that `streaming.jobs.submit` knows them by."""
    return {"lake": lake.job(chosen), "live": live.job(chosen)}


def look(chosen: Settings) -> None:
    """Submits what is missing; one process for all, since starting it is what takes long.

    Raises:
        httpx.HTTPError: the JobManager does not answer.
        ClickHouseError: ClickHouse does not answer, and it has to be asked whether the live job may begin.
        Permanent: it may not: the log may not hold all that it needs, or other days would be told than before.
    """
    alive = running(chosen.flink)
    _rebuild_if_requested(chosen, alive.get(live.NAME))
    missing = {name: submission(name, job) for name, job in jobs(chosen).items() if job.name not in alive}
    try:
        if "live" in missing:
            _check_beginning(chosen, anew=missing["live"] == "live")
    except Permanent:
        # What ends this is a publication, and for that the lake has to be complete.
        _submit([each for name, each in missing.items() if name != "live"])
        raise
    _submit(list(missing.values()))


def _submit(missing: list[str]) -> None:
    if missing:
        log.info("submitting jobs", jobs=missing)
        done = subprocess.run([sys.executable, "-m", "streaming.jobs.submit", *missing], check=False)
        if done.returncode:
            log.error("jobs were not submitted", jobs=missing, exit_code=done.returncode)


def _rebuild_if_requested(chosen: Settings, job_id: str | None) -> None:
    """Ends the live job; once it has ended, drops what it would go on from."""
    if not rebuild.requested(chosen):
        return
    if job_id is None:
        log.info("the live job begins from nothing, as requested")
        rebuild.fulfil(chosen)
    else:
        log.info("cancelling the live job for its rebuild", job_id=job_id)
        httpx.patch(f"{chosen.flink}/jobs/{job_id}", params={"mode": "cancel"}, timeout=10).raise_for_status()


def _check_beginning(chosen: Settings, *, anew: bool) -> None:
    """Without a checkpoint, a lost one say or that of another plan, the job rebuilds its state from the log too."""
    with closing(connect()) as client:
        now = datetime.now(UTC)
        if anew or rebuild.told_in(chosen, client) != chosen.business_time_zone:
            rebuild.check_log(chosen, client, now)
            rebuild.check_zone(chosen, client)
        rebuild.tell_in(chosen, client, now)


def running(flink: str) -> dict[str, str]:
    """The ids of the jobs that have not ended, by name.

    Raises:
        httpx.HTTPError: the JobManager does not answer.
    """
    answer = httpx.get(f"{flink}/jobs/overview", timeout=10).raise_for_status()
    return {job["name"]: job["jid"] for job in answer.json()["jobs"] if job["state"] not in ENDED}


def submission(name: str, job: Job) -> str:
    """The argument that submits a job, with the checkpoint it goes on from."""
    checkpoint = last_checkpoint(job.checkpoints)
    return f"{name}={checkpoint}" if checkpoint else name


def last_checkpoint(folder_uri: str) -> str | None:
    """The newest complete checkpoint of any run of a job: Flink writes `_metadata` last."""
    folder = Path(unquote(urlsplit(folder_uri).path))
    complete = sorted(folder.glob("*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime)
    return complete[-1].parent.as_uri() if complete else None


if __name__ == "__main__":
    main()
