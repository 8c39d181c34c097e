"""A bounded log file that several processes of one service may write to at the same time."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path


class SharedRotatingFile(RotatingFileHandler):
    """Rotates at a size; follows a rotation that another process made.

    Each line is one write in append mode, so lines of several processes do not mix. The folder and the file are made
    at the first line.
    """

    def __init__(self, path: Path, *, most_bytes: int, old_files: int) -> None:
        super().__init__(path, mode="a", maxBytes=most_bytes, backupCount=old_files, encoding="utf-8", delay=True)
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line to the file that now has the name."""
        try:
            if self.stream is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            self._follow()
        except OSError:
            self.handleError(record)
        else:
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        """Says that a line is missing, and why; never what it would have said, which may not be masked yet."""
        with suppress(OSError, ValueError):
            sys.stderr.write(f"a log line could not be written to {self._path}: {sys.exception()!r}\n")

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - likewise
        """Whether the file has reached its size. The standard library's would format the line just to measure it."""
        if self.stream is None:
            self.stream = self._open()
        return os.fstat(self.stream.fileno()).st_size >= self.maxBytes

    def doRollover(self) -> None:  # noqa: N802 - the name is the standard library's
        """Rotates, unless another process has just done so."""
        with self._path.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._follow():
                super().doRollover()

    def _follow(self) -> bool:
        """Opens the file anew if another one has its name now; tells whether it did."""
        if self.stream is None or self._still_named(self.stream.fileno()):
            return False
        self.stream.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = self._open()
        return True

    def _still_named(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False
