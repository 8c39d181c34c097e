"""A file's bytes, unpacked and as lines, in bounded memory whatever the file holds."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from streaming.sources.files.definition import WIDE
from streaming.sources.files.store import RefusedFileError

CHUNK = 2**16


def unpacked(file: BinaryIO, packing: str) -> io.BufferedReader:
    """The content of a file from its start.

    Raises:
        RefusedFileError: while it is read: it is packed otherwise, broken, or ends too early.
    """
    file.seek(0)
    return io.BufferedReader(_Unpacked(file, packing), CHUNK)


class Borrowed(io.RawIOBase):
    """A file for a library that closes what it is given: the file itself stays open."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """Fills the buffer as far as the file goes."""
        found = self._file.read(len(into))
        into[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes there."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()


class _Unpacked(io.RawIOBase):
    def __init__(self, file: BinaryIO, packing: str) -> None:
        import pyarrow as pa

        self._packing = packing
        plain = pa.PythonFile(Borrowed(file), "r")
        self._stream: Any = file if packing == "none" else pa.CompressedInputStream(plain, packing)

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        try:
            found = self._stream.read(min(len(into), CHUNK))
        except OSError as error:
            if self._packing == "none" or error.errno is not None:
                raise
            raise RefusedFileError(f"it is no whole {self._packing} file: {error}") from error
        into[: len(found)] = found
        return len(found)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with its end.

    Attributes:
        number: counted from 1.
        text: bytes that the encoding does not know are half surrogate pairs.
        is_whole: False where it was longer than allowed, and the text is cut.
    """

    number: int
    text: str
    is_whole: bool = True


def lines(content: io.BufferedReader, encoding: str, longest: int) -> Iterator[Line]:
    """The lines of a text.

    Raises:
        RefusedFileError: the encoding cannot go on at some place.
    """
    errors = "strict" if encoding in WIDE else "surrogateescape"
    text = io.TextIOWrapper(content, encoding, errors, newline="")
    number = 0
    try:
        while found := text.readline(longest + 1):
            number += 1
            is_whole = len(found) <= longest or found[-1] in "\r\n"
            if not is_whole:
                _skip_line(text, longest)
            yield Line(number, found.removeprefix("\ufeff") if number == 1 else found, is_whole)
    except UnicodeDecodeError as error:
        raise RefusedFileError(f"behind line {number} it is not {encoding}: {error.reason}") from error


def _skip_line(text: io.TextIOWrapper, most: int) -> None:
    while (found := text.readline(most)) and found[-1] not in "\r\n":
        continue


def unknown_byte(text: str, encoding: str) -> str | None:
    """What is wrong with a text that holds bytes which its encoding does not know; None where it holds none."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) & 0xFF
        return f"received the byte 0x{byte:02X} at character {error.start + 1}, valid: text in {encoding}"
    return None


def as_it_came(text: str, encoding: str) -> bytes:
    """The bytes of a line without its end; of wide encodings in UTF-8."""
    bare = text.rstrip("\r\n")
    try:
        return bare.encode("utf-8" if encoding in WIDE else encoding, "surrogateescape")
    except UnicodeEncodeError:  # some encodings of East Asia read more than they write
        return bare.encode("utf-8", "backslashreplace")


MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}
"""The byte order marks by which a text of another encoding than the defined one is known."""
