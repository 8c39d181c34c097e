"""A folder on this machine. Nothing outside it is ever opened: no symbolic link is followed, at any depth."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from runtime.errors import Permanent, Retryable
from streaming.sources.files.definition import FilesSource
from streaming.sources.files.names import is_ignored, is_wanted
from streaming.sources.files.store import Opened, RefusedFileError, Seen, UnreadableError, UnsteadyError, VanishedError

KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

VALID = "valid: a regular file in the folder itself"

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """A source's folder. The folder itself may be reached through a symbolic link: the definition names it."""

    def __init__(self, source: FilesSource) -> None:
        self._source, self._root = source, Path(source.folder)

    def look(self) -> list[Seen]:
        """Every file that is looked at; what is no file, or cannot be looked into, is told with its problem."""
        try:
            return list(self._within(""))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Retryable("the folder is not there", received=str(self._root), todo="make it, or mount it") from error
        except PermissionError as error:
            raise Permanent("the folder may not be read", received=str(self._root), todo="grant it") from error
        except OSError as error:
            raise Retryable("the folder cannot be read", received=str(error)) from error

    def _within(self, folder: str) -> Iterator[Seen]:
        with os.scandir(self._root / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if self._source.recursive and not is_ignored(self._source, name):
                        yield from self._below(name)
                elif is_wanted(self._source, name):
                    yield from _seen(name, entry)

    def _below(self, folder: str) -> Iterator[Seen]:
        try:
            yield from self._within(folder)
        except FileNotFoundError:
            return
        except PermissionError:
            yield Seen(f"{folder}/", problem="the folder may not be read; grant it to the platform's user")

    @contextmanager
    def open(self, seen: Seen) -> Iterator[Opened]:
        """The file, reached folder by folder from the source's own, so that no name can lead out of it."""
        with ExitStack() as held:
            try:
                number = self._descend(held, seen.name)
            except OSError as error:
                raise _told(error) from error
            if _stamp(os.fstat(number)) != seen.stamp:
                raise UnsteadyError
            file = held.enter_context(os.fdopen(os.dup(number), "rb"))
            yield Opened(file, lambda: _stamp(os.fstat(number)) == seen.stamp or _is_only_renamed(number, seen))

    def _descend(self, held: ExitStack, name: str) -> int:
        number = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        held.callback(os.close, number)
        *folders, last = name.split("/")
        for part in folders:
            number = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=number)
            held.callback(os.close, number)
        # Opening a pipe would wait for its other end.
        number = os.open(last, _FLAGS | os.O_NONBLOCK, dir_fd=number)
        held.callback(os.close, number)
        return number


def _seen(name: str, entry: os.DirEntry[str]) -> Iterator[Seen]:
    try:
        told = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    problem = None
    if not stat.S_ISREG(told.st_mode):
        problem = f"received {KINDS.get(stat.S_IFMT(told.st_mode), 'something else')}, {VALID}"
    touched = max(told.st_mtime, told.st_ctime)
    yield Seen(name, told.st_size, told.st_mtime_ns, _stamp(told), touched, problem)


def _stamp(told: os.stat_result) -> str:
    """The time of change is the kernel's own: no program can set it back."""
    return f"{told.st_ino}-{told.st_size}-{told.st_mtime_ns}-{told.st_ctime_ns}"


def _is_only_renamed(number: int, seen: Seen) -> bool:
    """A new name, another owner or other rights do not change what an open file holds."""
    told = os.fstat(number)
    return (told.st_size, told.st_mtime_ns) == (seen.size, seen.modified)


def _told(error: OSError) -> Exception:
    match error.errno:
        case errno.ENOENT | errno.ENXIO:
            return VanishedError()
        case errno.ELOOP | errno.ENOTDIR:
            return RefusedFileError(f"a symbolic link is on the way to it, {VALID}")
        case errno.EACCES | errno.EPERM:
            return UnreadableError("it may not be read; grant it to the platform's user")
        case _:
            return Retryable("a file cannot be opened", received=str(error))
