"""Wakes a source when something happens in its folder. Events are hints: what is taken is decided by a look."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from streaming.sources.files.definition import FilesSource
from streaming.sources.files.names import is_ignored, is_wanted

QUIET_SECONDS = 0.1
"""Files that come together are looked at together."""

KINDS: list[type[FileSystemEvent]] = [
    *(DirCreatedEvent, DirMovedEvent),
    *(FileClosedEvent, FileCreatedEvent, FileMovedEvent),
]

log = structlog.get_logger()


class Watch:
    """Watches a folder of this machine.

    Attributes:
        finished: paths that came to their name by a rename within the folder: they need not settle.
    """

    def __init__(self, source: FilesSource) -> None:
        self._source, self._root = source, Path(source.folder).absolute()
        self._woken = threading.Event()
        self._observer: Any = None
        self.finished: set[str] = set()

    def begin(self) -> None:
        """Forgets what woke it, as a look follows; the first time it begins to watch."""
        self._woken.clear()
        if self._observer is None:
            self._observer = self._started()

    def wait(self, seconds: float) -> None:
        """Until something happens, and no longer than that."""
        if self._woken.wait(seconds):
            threading.Event().wait(min(QUIET_SECONDS, seconds))

    def close(self) -> None:
        """Watches no more."""
        if self._observer:
            self._observer.stop()
            self._observer.join()

    def _started(self) -> Any:
        """The observer; False where the kernel has none left, and looks at intervals have to do."""
        observer = Observer()
        try:
            observer.schedule(_Handler(self), str(self._root), recursive=self._source.recursive, event_filter=KINDS)
            observer.start()
        except OSError as error:
            log.warning("the folder cannot be watched and is looked at at intervals", error=str(error))
            return False
        return observer

    def happened(self, kind: str, came_from: str, path: str) -> None:
        """An event."""
        name = self._name(path)
        if not is_ignored(self._source, name):
            if kind == "moved" and is_wanted(self._source, name) and is_ignored(self._source, self._name(came_from)):
                self.finished.add(name)
            self._woken.set()

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self._root}/")


class _Handler(FileSystemEventHandler):
    """Told by the observer's thread."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def dispatch(self, event: FileSystemEvent) -> None:
        """Any event."""
        self._watch.happened(event.event_type, str(event.src_path), str(event.dest_path or event.src_path))
