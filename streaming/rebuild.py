"""Rebuilding the live job: its state made anew from the whole log.

The request is a file beside the job's checkpoints. The keeper, which alone submits jobs, fulfils it: it cancels the
job, drops the checkpoints, and starts the job from nothing. A keeper that is killed meanwhile goes on
when it is started again.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rankings.catalogue import RANKINGS
from rankings.render.clickhouse import current_publication, live_zone, newest_delta, oldest_delta
from runtime.errors import Permanent
from runtime.settings import Settings
from streaming.jobs import live


def request(chosen: Settings, client: Any, now: datetime) -> None:
    """Asks the keeper for a rebuild.

    Args:
        chosen: where everything is.
        client: ClickHouse.
        now: the present, aware.

    Raises:
        Permanent: the log may not hold every record since the last publication any more.
    """
    check_log(chosen, client, now)
    file = request_file(chosen)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def check_log(chosen: Settings, client: Any, now: datetime) -> None:
    """Whether a live job that begins from nothing finds everything in the log that answers need of it.

    Raises:
        Permanent: it may not.
    """
    check_allowed(oldest_needed(client), now, timedelta(days=chosen.compaction_lag_days))


def oldest_needed(client: Any) -> datetime | None:
    """The log time from which on answers need live deltas: the last publication's boundary, or the oldest delta."""
    published = client.query(current_publication()).result_rows
    if published:
        return _aware(published[0][1])
    oldest = (client.query(oldest_delta(ranking)).result_rows for ranking in RANKINGS)
    return min((_aware(row[0]) for rows in oldest for row in rows), default=None)


def _aware(time: datetime) -> datetime:
    """clickhouse-connect gives times of UTC columns without their zone."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def check_allowed(oldest: datetime | None, now: datetime, lag: timedelta) -> None:
    """Whether the log surely holds every record from that time on.

    Raises:
        Permanent: it may have been compacted: of a sale's records since then only the last may be left, and deltas
            made of it would lie at another log time than those that answers count on.
    """
    if oldest is not None and now - oldest > lag:
        raise Permanent(
            "live cannot be rebuilt: the log may have been compacted since the last publication",
            received=oldest.isoformat(),
            valid=f"{(now - lag).isoformat(timespec='seconds')} or later",
            todo="run `tidelake reconcile --through now`, then rebuild",
        )


def told_in(chosen: Settings, client: Any) -> str:
    """The business time zone that the live job last began with; that of the settings before its first start."""
    return next((zone for zone, _ in client.query(live_zone()).result_rows), chosen.business_time_zone)


def tell_in(chosen: Settings, client: Any, now: datetime) -> None:
    """Notes that it begins with the business time zone of the settings, where that is another one than before."""
    last = next(iter(client.query(live_zone()).result_rows), None)
    if last and last[0] == chosen.business_time_zone:
        return
    # The last one counts, also where the clock went back.
    at = max(now, _aware(last[1]) + timedelta(milliseconds=1)) if last else now
    client.insert("live_zones", [[chosen.business_time_zone, at]], column_names=["business_time_zone", "begun_at"])


def check_zone(chosen: Settings, client: Any) -> None:
    """Whether the live job may begin with the business time zone of the settings.

    A delta of another day does not replace one of the same record: such a sale would count twice.

    Raises:
        Permanent: deltas that answers count on have the days of another business time zone.
    """
    before = told_in(chosen, client)
    if before != chosen.business_time_zone and (newest := _newest_needed(client)):
        raise Permanent(
            "live cannot begin with another business time zone: answers count on deltas with days of the old one",
            received=chosen.business_time_zone,
            valid=f"{before}, until a version through more than {newest.isoformat()} is published",
            todo="run `tidelake reconcile --through now`: live begins once that is published",
        )


def _newest_needed(client: Any) -> datetime | None:
    """The log second of the newest live delta, if answers count on it."""
    published = client.query(current_publication()).result_rows
    told = (client.query(newest_delta(ranking)).result_rows for ranking in RANKINGS)
    newest = max((_aware(row[0]) for rows in told for row in rows), default=None)
    return newest if newest and (not published or newest >= _aware(published[0][1])) else None


def requested(chosen: Settings) -> bool:
    """Whether a rebuild is asked for."""
    return request_file(chosen).exists()


def withdraw(chosen: Settings) -> None:
    """Takes the request back."""
    request_file(chosen).unlink(missing_ok=True)


def fulfil(chosen: Settings) -> None:
    """Drops the checkpoints of a live job that has ended, those of earlier plans too, then the request."""
    for folder in _checkpoints(chosen).iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    withdraw(chosen)


def request_file(chosen: Settings) -> Path:
    """The file that asks for a rebuild."""
    return _checkpoints(chosen) / "rebuild-requested"


def _checkpoints(chosen: Settings) -> Path:
    """The folder that the checkpoints of every plan of the live job lie in."""
    return Path(unquote(urlsplit(live.checkpoints(chosen)).path))
