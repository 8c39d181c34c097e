"""A log file stays within its bound, and no line is lost when several processes rotate it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRITER = """
import logging, sys
from pathlib import Path
from observe.rotation import SharedRotatingFile
handler = SharedRotatingFile(Path(sys.argv[1]), most_bytes=4_000, old_files=60)
for n in range(1_000):
    handler.emit(logging.LogRecord("t", logging.INFO, "", 0, f"{sys.argv[2]} {n:04}", (), None))
"""


def test_lines_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "shared.json"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b", "c")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    files = [each for each in path.parent.iterdir() if each.suffix != ".lock"]
    lines = [line for each in files for line in each.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {n:04}" for name in ("a", "b", "c") for n in range(1_000))
    assert max(each.stat().st_size for each in files) < 5_000


def test_a_line_that_cannot_be_written_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "not-a-folder").write_text("")
    writer = [sys.executable, "-c", WRITER.replace("1_000", "1"), str(tmp_path / "not-a-folder" / "x.json"), "s3cret"]
    ended = subprocess.run(writer, capture_output=True, text=True, check=True)
    assert "could not be written" in ended.stderr
    assert "s3cret" not in ended.stderr
