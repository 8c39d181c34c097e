"""The folder that is watched: a local one or an S3 prefix; what lies there, and whole copies of it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from runtime.errors import Permanent, Retryable
from streaming.sources.files.definition import S3, FilesSource

CHUNK = 2**20

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
"""Endings of names under which files are written before they are renamed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that lies there.

    Attributes:
        path: below the folder, with `/`.
        size: in bytes.
        changed: when it was last written, in nanoseconds since 1970.
        refused: why it is not to be opened at all; empty for a plain file.
    """

    path: str
    size: int
    changed: int
    refused: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """Files are taken by the time they were written, then by name."""
        return self.changed, self.path


class NotReadError(Exception):
    """A file could not be read this time; the message says why."""


class Folder(Protocol):
    """Where files lie."""

    def entries(self) -> Iterator[Entry]:
        """Every file whose name fits, in no order.

        Raises:
            Retryable: the folder cannot be looked into.
        """
        ...

    def copy(self, entry: Entry, into: Path) -> str:
        """Copies a file as it is; the SHA-256 of its bytes.

        Raises:
            NotReadError: it cannot be read, or changed meanwhile.
        """
        ...


def folder(source: FilesSource) -> Folder:
    """The folder of a source."""
    return _Bucket(source) if source.is_s3 else _Local(source)


def fits(source: FilesSource, path: str) -> bool:
    """Whether a file is one of those that are taken, by its name."""
    parts = PurePosixPath(path).parts
    hidden = any(part.startswith((".", "_")) for part in parts)
    return not hidden and not path.endswith(UNFINISHED) and fnmatchcase(parts[-1], source.names)


class _Local:
    """A folder of this machine. No link is followed: what lies outside is never read."""

    def __init__(self, source: FilesSource) -> None:
        self._source, self._root = source, Path(source.folder)

    def entries(self) -> Iterator[Entry]:
        """Every file whose name fits."""
        try:
            yield from self._within(self._root, "")
        except OSError as error:
            todo = "make the folder, and let this user read it"
            raise Retryable("the folder cannot be looked into", received=str(error), todo=todo) from error

    def _within(self, at: Path, prefix: str) -> Iterator[Entry]:
        with os.scandir(at) as found:
            for each in found:
                path = prefix + each.name
                if each.is_dir(follow_symlinks=False):
                    if self._source.recursive and not each.name.startswith((".", "_")):
                        yield from self._within(Path(each.path), path + "/")
                elif fits(self._source, path):
                    yield _entry(path, each.stat(follow_symlinks=False))

    def copy(self, entry: Entry, into: Path) -> str:
        """Copies a file as it is."""
        try:
            # Not even a link that takes the file's place between the look and the opening is followed.
            opened = os.open(self._root / entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(opened, "rb") as file:
                digest = _copied(file, into, self._source.limits.file_bytes)
                after = os.fstat(file.fileno())
        except OSError as error:
            raise NotReadError(error.strerror or str(error)) from error
        if (after.st_size, after.st_mtime_ns) != (entry.size, entry.changed):
            raise NotReadError("it changed while it was read")
        return digest


def _entry(path: str, found: os.stat_result) -> Entry:
    kinds = ((stat.S_ISLNK, "a link; links are not followed"), (stat.S_ISREG, ""))
    refused = next((text for is_kind, text in kinds if is_kind(found.st_mode)), "no plain file")
    return Entry(path, found.st_size, found.st_mtime_ns, refused)


class _Bucket:
    """A prefix of an S3 bucket: an object is there once it is whole."""

    def __init__(self, source: FilesSource) -> None:
        self._source = source
        self._root = source.folder.removeprefix(S3).strip("/")
        self._files = _s3(source)

    def entries(self) -> Iterator[Entry]:
        """Every object whose name fits."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self._root, recursive=self._source.recursive, allow_not_found=True)
        try:
            found = self._files.get_file_info(selector)
        except OSError as error:
            raise Retryable("the bucket cannot be looked into", received=str(error)[:300]) from error
        for each in found:
            path = each.path.removeprefix(self._root).lstrip("/")
            if each.type == FileType.File and fits(self._source, path):
                yield Entry(path, each.size, each.mtime_ns or 0)

    def copy(self, entry: Entry, into: Path) -> str:
        """Copies an object as it is."""
        at = f"{self._root}/{entry.path}"
        try:
            with self._files.open_input_stream(at) as stream:
                digest = _copied(stream, into, self._source.limits.file_bytes)
            (after,) = self._files.get_file_info([at])
        except OSError as error:
            raise NotReadError(str(error)[:300]) from error
        if (after.size, after.mtime_ns) != (entry.size, entry.changed):
            raise NotReadError("it changed while it was read")
        return digest


def _s3(source: FilesSource) -> Any:
    from pyarrow.fs import S3FileSystem

    access = source.s3
    keys = {}
    if access.access_key is not None and access.secret_key is not None:
        keys = {
            "access_key": access.access_key.value().get_secret_value(),
            "secret_key": access.secret_key.value().get_secret_value(),
        }
    told: dict[str, Any] = {"endpoint_override": access.endpoint, "region": access.region, **keys}
    try:
        return S3FileSystem(**{name: value for name, value in told.items() if value is not None})
    except (OSError, ValueError) as error:
        raise Permanent("the S3 service's settings are not valid", received=str(error)[:300]) from error


def _copied(file: IO[bytes], into: Path, most: int) -> str:
    """Copies at most that many bytes, and one more where there are more: the size then tells."""
    digest, left = hashlib.sha256(), most + 1
    with into.open("wb") as copy:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            digest.update(chunk)
            copy.write(chunk)
            left -= len(chunk)
    return digest.hexdigest()
