"""A source is woken by its folder, and a file that is renamed into place need not settle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from streaming.sources.files import watch as watching
from streaming.sources.files.reader import FilesReader
from tests.sources.files.drop import Drop, numbered


@contextmanager
def watched(drop: Drop) -> Iterator[FilesReader]:
    with closing(drop.reader(watching.Watch(drop.source()))) as reader:
        assert drop.read(reader=reader) == []
        yield reader


def woken(reader: FilesReader, happens: Callable[[], object]) -> float:
    """How long the reader waited."""
    threading.Timer(0.3, happens).start()
    began = time.monotonic()
    reader.wait(20)
    return time.monotonic() - began


def test_a_file_that_comes_wakes(drop: Drop) -> None:
    with watched(drop) as reader:
        assert woken(reader, lambda: drop.write("a.csv", numbered(3))) < 10
        assert len(drop.read(reader=reader)) == 3


def test_a_file_in_a_new_folder_wakes(drop: Drop) -> None:
    drop.told["recursive"] = True
    with watched(drop) as reader:
        assert woken(reader, lambda: drop.write("new/a.csv", numbered(3))) < 10


def test_a_file_that_came_before_the_wait_is_not_waited_for(drop: Drop) -> None:
    with watched(drop) as reader:
        drop.write("a.csv", numbered(3))
        time.sleep(0.5)
        assert woken(reader, lambda: None) < 10


def test_an_unfinished_file_wakes_nobody(drop: Drop) -> None:
    with watched(drop) as reader:
        drop.write("a.csv.part", numbered(3))
        began = time.monotonic()
        reader.wait(1.0)
        assert time.monotonic() - began >= 1.0


def test_a_rename_says_that_a_file_is_finished(drop: Drop) -> None:
    drop.told["settle_seconds"] = 3600
    drop.write("a.csv.part", numbered(3))
    with watched(drop) as reader:
        drop.write("b.csv", numbered(5))
        assert woken(reader, lambda: (drop.folder / "a.csv.part").rename(drop.folder / "a.csv")) < 10
        time.sleep(0.3)
        assert [row.at for row in drop.read(reader=reader)] == ["a.csv:2", "a.csv:3", "a.csv:4"]


def test_without_a_watch_the_folder_is_looked_at_at_intervals(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoObserver:
        def schedule(self, *_: object, **__: object) -> None:
            raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(watching, "Observer", NoObserver)
    with watched(drop) as reader:
        drop.write("a.csv", numbered(3))
        reader.wait(0.1)
        assert len(drop.read(reader=reader)) == 3
