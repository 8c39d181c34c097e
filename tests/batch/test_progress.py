"""What a person sees of a reconciliation under way."""

from __future__ import annotations

import io
import re

from rich.console import Console

from batch.progress import Lines, Stage, Stopwatch, Terminal, shown


def drawn(view: Terminal, output: io.StringIO) -> list[str]:
    """The rows as they stand."""
    output.seek(0)
    output.truncate()
    view._rows.refresh()
    rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()).splitlines()
    return [" ".join(row.split()) for row in rows if row.strip()]


def test_a_terminal_shows_a_bar_for_each_stage_of_the_step_under_way() -> None:
    output = io.StringIO()
    with Terminal(Console(file=output, force_terminal=True, width=100)) as view:
        watch = Stopwatch(view, {})
        with watch.step("parse"):
            view.stages([Stage(3, 0, 8), Stage(4, 5, 200)])
            rows = drawn(view, output)
            assert ["parse" in rows[0], "0/8 tasks" in rows[1], "5/200 tasks" in rows[2]] == [True] * 3
            assert ["━" in row for row in rows] == [False, True, True]
            view.stages([Stage(4, 199, 200)])
            assert ["stage 4" in row for row in drawn(view, output)] == [False, True]
            assert "199/200 tasks" in drawn(view, output)[1]
            watch.result("7 records")
        (row,) = drawn(view, output)
        assert "parse" in row and "7 records" in row
        with watch.step("silver"):
            assert len(drawn(view, output)) == 2


def test_elsewhere_there_are_lines_and_no_stages() -> None:
    output = io.StringIO()
    with shown(Console(file=output, width=100)) as view:
        assert isinstance(view, Lines)
        assert not view.shows_stages
        watch = Stopwatch(view, {})
        with watch.step("lake"):
            view.note("waiting")
            view.note("waiting")
            view.stages([Stage(1, 0, 1)])
            watch.result("complete")
    assert re.fullmatch(r"lake: waiting\nlake: complete \(\d+\.\d s\)\n", output.getvalue())
