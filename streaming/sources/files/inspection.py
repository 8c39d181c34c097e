"""Before the first record of a file is taken: its hash, and whether it keeps the limits as a whole."""

from __future__ import annotations

import codecs
import hashlib
from typing import BinaryIO

from streaming.sources.files.content import CHUNK, MARKS, unpacked
from streaming.sources.files.definition import WIDE, FilesSource, Limits
from streaming.sources.files.names import compression, format_of
from streaming.sources.files.store import RefusedFileError, Seen

HASHED_AT_A_TIME = 2**20

FREE_BYTES = 2**20
"""So much may be unpacked of any file, however small it is."""


def digest(file: BinaryIO) -> str:
    """The hash of the file as it lies there."""
    file.seek(0)
    found = hashlib.sha256()
    while chunk := file.read(HASHED_AT_A_TIME):
        found.update(chunk)
    return found.hexdigest()


def check_name(source: FilesSource, seen: Seen) -> None:
    """What can be told without opening the file.

    Raises:
        RefusedFileError: it is refused.
    """
    if seen.problem:
        raise RefusedFileError(seen.problem)
    if seen.size > source.limits.file_bytes:
        raise RefusedFileError(f"received {seen.size:,} bytes, valid: at most {source.limits.file_bytes:,}")
    kind, packing = format_of(source, seen.name), compression(source, seen.name)
    if kind is None:
        raise RefusedFileError("its name tells no format, valid: .csv, .tsv, .jsonl, .parquet, then .gz or .zst")
    if kind == "parquet" and packing != "none":
        raise RefusedFileError(f"received Parquet packed with {packing}, valid: Parquet, which packs its own pages")
    if packing != "none" and seen.size == 0:
        raise RefusedFileError(f"received nothing, valid: a whole {packing} file")


def check_text(source: FilesSource, seen: Seen, file: BinaryIO) -> None:
    """Reads a text once, without taking anything of it.

    Raises:
        RefusedFileError: it is refused.
    """
    scales = _Scales(source, seen.size)
    content = unpacked(file, compression(source, seen.name))
    while chunk := content.read(CHUNK):
        scales.weigh(chunk)
    scales.weigh(b"", is_last=True)


class _Scales:
    """Adds up what a text holds."""

    def __init__(self, source: FilesSource, size: int) -> None:
        self._limits, self._encoding, self._size = source.limits, source.encoding, size
        self._bytes = self._lines = 0
        self._decoder = codecs.getincrementaldecoder(source.encoding)() if source.encoding in WIDE else None

    def weigh(self, chunk: bytes, *, is_last: bool = False) -> None:
        """The next part of the text."""
        if self._bytes == 0:
            self._check_mark(chunk)
        self._bytes += len(chunk)
        self._lines += self._line_ends(chunk, is_last)
        self._check_limits(self._limits)

    def _check_mark(self, first: bytes) -> None:
        for name, marks in MARKS.items():
            if first.startswith(marks) and self._decoder is None:
                raise RefusedFileError(f"it begins with the mark of {name}, valid: text in {self._encoding}")

    def _line_ends(self, chunk: bytes, is_last: bool) -> int:
        if self._decoder is None:
            if b"\0" in chunk:
                at = self._bytes - len(chunk) + chunk.index(b"\0")
                raise RefusedFileError(f"byte {at:,} is zero, valid: text in {self._encoding}")
            return chunk.count(b"\n") or chunk.count(b"\r")
        try:
            text = self._decoder.decode(chunk, is_last)
        except UnicodeDecodeError as error:
            raise RefusedFileError(f"it is not {self._encoding}: {error.reason}") from error
        return text.count("\n") or text.count("\r")

    def _check_limits(self, limits: Limits) -> None:
        if self._bytes > limits.content_bytes:
            raise RefusedFileError(f"it holds more than {limits.content_bytes:,} bytes once it is unpacked")
        if self._bytes > max(FREE_BYTES, limits.expansion * self._size):
            raise RefusedFileError(f"unpacked it is more than {limits.expansion:g} times as large as it lies there")
        if self._lines > limits.rows:
            raise RefusedFileError(f"it has more than {limits.rows:,} lines, valid: at most that many")


def first_bytes(file: BinaryIO, most: int = 1000) -> bytes:
    """How the file begins, for the quarantine."""
    file.seek(0)
    return file.read(most)
