"""The newest mark below a committed offset tells how far a job has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from streaming import gauge
from streaming.gauge import NOTHING_SEEN, Marks, Seen, seen_now

AT = ("events.files", 0)
START = datetime(2026, 3, 1, tzinfo=UTC)


def marks(*offsets: int) -> Marks:
    """Marks at those offsets, a second between two."""
    made = Marks()
    for number, offset in enumerate(offsets):
        made.taken(AT, offset, START + timedelta(seconds=number))
    return made


def test_a_mark_counts_once_everything_below_it_is_committed() -> None:
    taken = marks(3, 10)
    assert taken.newest_below(AT, 3) is None
    assert taken.newest_below(AT, 4) == START
    assert taken.newest_below(AT, 10) == START
    assert taken.newest_below(AT, 11) == START + timedelta(seconds=1)
    assert taken.newest_below(AT, 1000) == START + timedelta(seconds=1)


def test_nothing_is_known_of_a_partition_without_marks() -> None:
    assert Marks().newest_below(AT, 5) is None
    assert Marks().log_end(AT) == 0


def test_the_log_ends_behind_the_last_mark() -> None:
    assert marks(3, 10).log_end(AT) == 11


def test_only_the_latest_are_remembered() -> None:
    taken = marks(*range(gauge.REMEMBERED + 5))
    assert taken.newest_below(AT, 5) is None
    assert taken.newest_below(AT, 6) == START + timedelta(seconds=5)


def test_a_gauge_that_knows_no_marks_yet_goes_by_what_was_measured_before() -> None:
    assert seen_now(Seen(50, START), 50, None) == Seen(50, START)
    assert seen_now(Seen(50, START), 60, None) == Seen(60, START)
    assert seen_now(NOTHING_SEEN, 60, None) == Seen(60, NOTHING_SEEN.through)


def test_a_job_begun_anew_has_not_seen_what_it_had_seen_before() -> None:
    assert seen_now(Seen(50, START), 49, None) == Seen(49, NOTHING_SEEN.through)
    assert seen_now(Seen(50, START), 49, START - timedelta(hours=1)) == Seen(49, START - timedelta(hours=1))
