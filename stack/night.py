"""The clock of one machine: does the night's work at its hour, catches up what was missed, tries again what failed.

Run as a module, it is a service of the stack. What it has done and when it will do it next lies in
`TIDELAKE_HOME/night.json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import structlog

from observe import logs
from runtime.errors import Permanent, Retryable
from runtime.settings import Settings, settings

JOB = "night"
TRY_AGAIN = 75
"""The exit code of a command that can succeed later."""

RETRY_MINUTES = 10
ATTEMPTS = 12
"""After so many the night has failed; it is tried all the same, for a store that was away may come back."""

log = structlog.get_logger()


def state_file(chosen: Settings) -> Path:
    """What the clock tells of itself."""
    return chosen.home / "night.json"


def state(chosen: Settings) -> dict[str, Any]:
    """What the clock last told: pid, next, and of its last run at, outcome and detail; empty before its first start."""
    path = state_file(chosen)
    return cast(dict[str, Any], json.loads(path.read_text())) if path.exists() else {}


def check() -> None:
    """Whether the clock runs, and the night's work is done.

    Raises:
        Retryable: it does not run.
        Permanent: its last run failed, and nobody has done the work since.
    """
    told = state(settings())
    if not told.get("next") or not Path(f"/proc/{told['pid']}").exists():
        raise Retryable("the clock does not run yet")
    if told.get("outcome") == "failed" and not _done_by_hand(datetime.fromisoformat(told["at"])):
        raise Permanent("the night's work failed", received=told.get("detail"), todo="run `tidelake nightly`")


def _done_by_hand(after: datetime) -> bool:
    """Whether somebody has done the work since."""
    from batch.nights import done_since

    try:
        return done_since(settings().platform_dsn.get_secret_value(), after)
    except Retryable:
        return False


class Clock:
    """Runs the night's work as a process of its own, so that its memory is gone afterwards."""

    def __init__(self, scheduler: Any, chosen: Settings, command: tuple[str, ...]) -> None:
        self._scheduler, self._settings, self._command = scheduler, chosen, command
        self._attempt = 0

    def tick(self) -> None:
        """Does the work; one that can succeed later is tried again after some minutes."""
        self._attempt += 1
        done = subprocess.run(self._command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        detail = (done.stderr.strip() or done.stdout.strip())[-500:]
        if done.returncode == 0:
            self._attempt = 0
            self._tell("ok", done.stdout.strip()[-500:])
        # Who was killed, for want of memory say, goes on where it was.
        elif done.returncode == TRY_AGAIN or done.returncode < 0:
            again = datetime.now(UTC) + timedelta(minutes=RETRY_MINUTES)
            self._scheduler.add_job(self.tick, "date", run_date=again, id="again", replace_existing=True)
            self._tell("to be tried again" if self._attempt < ATTEMPTS else "failed", detail)
        else:
            self._attempt = 0
            self._tell("failed", detail)

    def tell_next(self) -> None:
        """Writes when the work will be done next; what is known of the last time stays."""
        self._write(state(self._settings))

    def _tell(self, outcome: str, detail: str) -> None:
        log.info("the night's work has ended", outcome=outcome, detail=detail)
        self._write({"at": datetime.now(UTC).isoformat(timespec="seconds"), "outcome": outcome, "detail": detail})

    def _write(self, told: Mapping[str, Any]) -> None:
        coming = [job.next_run_time for job in self._scheduler.get_jobs() if getattr(job, "next_run_time", None)]
        following = min(coming).astimezone(UTC).isoformat(timespec="seconds") if coming else None
        path = state_file(self._settings)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps({**told, "pid": os.getpid(), "next": following}))
        fresh.replace(path)


def clock(scheduler: Any, chosen: Settings, command: tuple[str, ...], *, missed: bool) -> None:
    """Gives a scheduler, which has not started yet, the night's work.

    Args:
        scheduler: one of apscheduler's.
        command: does the work.
        missed: whether a night was missed, so that the work is done at once.
    """
    from apscheduler.events import EVENT_JOB_ADDED, EVENT_SCHEDULER_STARTED

    made = Clock(scheduler, chosen, command)
    scheduler.add_job(made.tick, _each_night(chosen), id=JOB)
    if missed:
        scheduler.add_job(made.tick, "date", id="missed")
    scheduler.add_listener(lambda _: made.tell_next(), EVENT_SCHEDULER_STARTED | EVENT_JOB_ADDED)


def _each_night(chosen: Settings) -> Any:
    """Once each business day, at an hour that a clock put forward leaves out, too.

    A trigger by cron would pass over such a day, and work twice where the clock is put back over the hour.
    """
    from apscheduler.triggers.base import BaseTrigger

    at, zone = time.fromisoformat(chosen.nightly_at), ZoneInfo(chosen.business_time_zone)

    class EachNight(BaseTrigger):  # type: ignore[misc]
        def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
            last = previous_fire_time or now
            today = last.astimezone(zone).date()
            days = (today + timedelta(days=number) for number in count(-1))
            times = (datetime.combine(day, at, zone).astimezone(UTC) for day in days)
            return next(each for each in times if each > last)

    return EachNight()


def _night_was_missed(chosen: Settings) -> bool:
    """Only a platform that has published can have missed a night."""
    from batch.clickhouse import Store
    from batch.nightly import missed

    published = Store.of(chosen).current()
    return published is not None and bool(missed(chosen, datetime.now(UTC)))


def main() -> None:
    """The clock, until it is told to end."""
    logs.configure("night")
    from apscheduler.schedulers.blocking import BlockingScheduler

    chosen = settings()
    # What is late is done once, however late it is.
    scheduler = BlockingScheduler(timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None})
    clock(scheduler, chosen, (sys.executable, "-m", "runtime", "nightly"), missed=_night_was_missed(chosen))
    scheduler.start()


if __name__ == "__main__":
    main()
