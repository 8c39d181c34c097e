"""The two kinds of errors Tidelake raises, and what each must tell its reader."""

from __future__ import annotations


class TidelakeError(Exception):
    """Something that a person or a caller has to know about.

    Args:
        wrong: what was wrong, as one sentence without a full stop.
        received: the value that came, shown as it is.
        valid: what would have been valid.
        todo: what the reader can do next.
    """

    def __init__(
        self,
        wrong: str,
        *,
        received: object = None,
        valid: str | None = None,
        todo: str | None = None,
    ) -> None:
        self.wrong, self.received, self.valid, self.todo = wrong, received, valid, todo
        super().__init__(self._text())

    def _text(self) -> str:
        """All parts in reading order.

        >>> print(Permanent("no such ranking", received="top-x", valid="top-sales-per-city"))
        no such ranking; received: 'top-x'; valid: top-sales-per-city
        """
        parts = [self.wrong]
        if self.received is not None:
            parts.append(f"received: {self.received!r}")
        if self.valid:
            parts.append(f"valid: {self.valid}")
        if self.todo:
            parts.append(f"what to do: {self.todo}")
        return "; ".join(parts)


class Retryable(TidelakeError):
    """The same call can succeed later: a server is away, a limit is reached, a lock is held.

    Attributes:
        after: seconds for which the other side asks not to be called again; 0 where it says nothing.
    """

    after: float = 0.0


class Permanent(TidelakeError):
    """The same call fails the same way each time: the input or the installation has to change."""
