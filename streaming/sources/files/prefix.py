"""A prefix of an S3 bucket. An object is copied to this machine before it is read, so it cannot change meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from runtime.errors import Permanent, Retryable
from streaming.sources.files.definition import S3, FilesSource
from streaming.sources.files.names import is_wanted
from streaming.sources.files.store import Opened, Seen, UnsteadyError, VanishedError

CHUNK = 2**20
CONNECT_SECONDS, REQUEST_SECONDS = 5.0, 30.0

FOR_A_PERSON = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidAccess")
"""What the store says where asking again cannot help."""


class Prefix:
    """A source's prefix.

    Args:
        source: the definition.
        scratch: where objects are copied to while they are read; the copies have no name and die with the process.
    """

    def __init__(self, source: FilesSource, scratch: Path) -> None:
        self._source, self._scratch = source, scratch
        self._place = source.folder.removeprefix(S3)
        self._connected: Any = None

    def look(self) -> list[Seen]:
        """Every object that is looked at. An object is there when it is whole, so none has to settle."""
        import pyarrow.fs

        with _errors_told(self._place):
            bucket = self._place.partition("/")[0]
            if self._store().get_file_info(bucket).type == pyarrow.fs.FileType.NotFound:
                raise Permanent("there is no such bucket", received=bucket, todo="make it, or mend `folder`")
            selector = pyarrow.fs.FileSelector(self._place, recursive=self._source.recursive, allow_not_found=True)
            found = self._store().get_file_info(selector)
        told = (self._seen(each) for each in found if each.type == pyarrow.fs.FileType.File)
        return [each for each in told if is_wanted(self._source, each.name)]

    @contextmanager
    def open(self, seen: Seen) -> Iterator[Opened]:
        """A copy of the object, as it was seen."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._scratch) as copy:
            self._copy(seen, copy)
            yield Opened(copy, lambda: True)

    def _copy(self, seen: Seen, copy: BinaryIO) -> None:
        place = f"{self._place}/{seen.name}"
        with _errors_told(place):
            try:
                with self._store().open_input_stream(place) as stream:
                    while chunk := stream.read(CHUNK):
                        copy.write(chunk)
                now = self._seen(self._store().get_file_info(place))
            except FileNotFoundError as error:
                raise VanishedError from error
        if now.stamp != seen.stamp or copy.tell() != seen.size:
            raise UnsteadyError
        copy.seek(0)

    def _seen(self, told: Any) -> Seen:
        size, modified = told.size or 0, told.mtime_ns or 0
        return Seen(told.path.removeprefix(f"{self._place}/"), size, modified, f"{size}-{modified}")

    def _store(self) -> Any:
        if self._connected is None:
            self._connected = _connect(self._source)
        return self._connected


def _connect(source: FilesSource) -> Any:
    import pyarrow.fs

    access = source.s3
    options: dict[str, Any] = {
        "region": access.region,
        "connect_timeout": CONNECT_SECONDS,
        "request_timeout": REQUEST_SECONDS,
    }
    if access.endpoint:
        scheme, _, address = access.endpoint.rpartition("://")
        options |= {"scheme": scheme or "https", "endpoint_override": address}
    if access.access_key and access.secret_key:
        options["access_key"] = access.access_key.value().get_secret_value()
        options["secret_key"] = access.secret_key.value().get_secret_value()
    return pyarrow.fs.S3FileSystem(**options)


@contextmanager
def _errors_told(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if any(word in str(error) for word in FOR_A_PERSON):
            todo = "see `s3` in the definition, and the rights of its keys"
            raise Permanent(f"S3 refuses to read {place}", received=str(error), todo=todo) from error
        raise Retryable(f"S3 does not give {place}", received=str(error)) from error
