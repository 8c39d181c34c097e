"""What passes between a source's reader and the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Memory = Mapping[str, Any]
"""What a source remembers of its own position: JSON values by key, written in one transaction with the records."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the source tells it.

    Attributes:
        at: where it stands in the source, for people: file and line, page and entry, message and item.
        fields: its fields by name; None where it could not be read at all.
        raw: the record as it came, for the quarantine.
        problem: why it could not be read; None where it could.
    """

    at: str
    fields: Mapping[str, Any] | None
    raw: bytes
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are published together, and what is remembered once they are.

    Attributes:
        rows: the records, in the source's order.
        remember: new values of the source's memory, by key; a value of None forgets the key.
        judged: gives what is remembered besides, from how many of the records were refused; it is called once.
    """

    rows: Sequence[Row]
    remember: Memory = field(default_factory=dict)
    judged: Callable[[int], Memory] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of a definition against the real thing found.

    Attributes:
        ok: whether the source can be read as far as this goes.
        what: what was looked at, and what was found.
        todo: what a person can do about it.
    """

    ok: bool
    what: str
    todo: str = ""


class Reader(Protocol):
    """Reads one source. Made anew after every failure, so it keeps nothing that `memory` does not hold.

    A reader may also have `wait(seconds: float) -> None`, which returns earlier if its source has something new.
    """

    def read(self, memory: Memory) -> Iterator[Batch]:
        """One reading from where `memory` says to the present end, in batches of bounded size.

        A batch is asked for only after the one before is published, with its memory.

        Raises:
            Retryable: the source is away; the next reading begins where the last published batch ended.
            Permanent: the definition or the source has to be changed by a person.
        """
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...
