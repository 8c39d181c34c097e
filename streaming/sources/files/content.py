"""The content of a file: decompressed, cut into lines of bounded length."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streaming.sources.files.definition import FilesSource


class RefusedFileError(Exception):
    """A file is not read further; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file.

    Attributes:
        number: from 1 on.
        content: its bytes, with the line's end; of a line that is too long its beginning.
        too_long: whether it is longer than a line may be.
    """

    number: int
    content: bytes
    too_long: bool = False


@contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The content of a copied file, decompressed by the ending of its name.

    Raises:
        RefusedFileError: it is no whole file of its compression; also while it is read.
    """
    import zstandard

    try:
        with path.open("rb") as raw:
            if name.lower().endswith(".gz"):
                with gzip.open(raw) as content:
                    yield content  # type: ignore[misc]
            elif name.lower().endswith(".zst"):
                reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(raw, read_across_frames=True)
                with reader as content:
                    yield content
            else:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise RefusedFileError(f"it cannot be decompressed: {error}") from error


class Lines:
    """The lines of a content; of a line that is too long the rest is passed over.

    Args:
        content: the bytes.
        source: says the limits.
    """

    def __init__(self, content: IO[bytes], source: FilesSource) -> None:
        self._content, self._limits = content, source.limits
        self._bytes = 0
        self._number = 0
        self._buffer = b""

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        """The next line.

        Raises:
            RefusedFileError: the content is larger than it may be.
        """
        line = self._upto_end(self._limits.line_bytes)
        if not line:
            raise StopIteration
        self._number += 1
        whole = line.endswith(b"\n") or len(line) < self._limits.line_bytes
        if not whole:
            self._pass_over()
        return Line(self._number, line, too_long=not whole)

    def _pass_over(self) -> None:
        """To the end of the line."""
        while (more := self._upto_end(self._limits.line_bytes)) and not more.endswith(b"\n"):
            continue

    def _upto_end(self, most: int) -> bytes:
        """What comes up to the next line's end, at most that many bytes."""
        while True:
            end = self._buffer.find(b"\n", 0, most)
            if end >= 0 or len(self._buffer) >= most:
                cut = end + 1 if end >= 0 else most
                line, self._buffer = self._buffer[:cut], self._buffer[cut:]
                return line
            chunk = self._content.read(2**16)
            if not chunk:
                line, self._buffer = self._buffer, b""
                return line
            self._count(len(chunk))
            self._buffer += chunk

    def _count(self, more: int) -> None:
        self._bytes += more
        if self._bytes > self._limits.content_bytes:
            raise RefusedFileError(f"its content is more than {self._limits.content_bytes} bytes")
