"""Where files lie: what a folder and a prefix of S3 have in common."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol


class RefusedFileError(Exception):
    """A file that is not taken, or not taken further; the message says why and what is valid."""


class UnreadableError(Exception):
    """A file that may not be opened; the message says why."""


class VanishedError(Exception):
    """A file that is there no more."""


class UnsteadyError(Exception):
    """A file that changed while it was looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One file as a look at the folder shows it.

    Attributes:
        name: its path within the folder.
        size: in bytes.
        modified: its time of modification, in nanoseconds since 1970.
        stamp: differs whenever the content may differ.
        touched: when it or its name last changed, in seconds since 1970; 0 where what is there is finished.
        problem: why it can never be read; None where it may be.
    """

    name: str
    size: int = 0
    modified: int = 0
    stamp: str = ""
    touched: float = 0.0
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file.

    Attributes:
        file: its bytes; can be read again from the start.
        is_steady: whether it is still what it was when it was seen.
    """

    file: BinaryIO
    is_steady: Callable[[], bool]


class Store(Protocol):
    """A folder."""

    def look(self) -> list[Seen]:
        """Every file that is looked at, in no order.

        Raises:
            Retryable: the folder is not there or does not answer.
            Permanent: it cannot be read with this definition.
        """
        ...

    def open(self, seen: Seen) -> AbstractContextManager[Opened]:
        """The file.

        Raises:
            RefusedFileError: it must not be read.
            UnreadableError: it may not be opened.
            VanishedError: it is there no more.
            UnsteadyError: it is not what was seen.
            Retryable: the folder does not answer.
        """
        ...
