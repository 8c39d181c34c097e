"""Keeps the secrets of a source out of what is told about it, even where the service repeats them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote, quote_plus

from runtime.errors import TidelakeError

MASK = "***"


class Secrets:
    """Secret texts, in every form in which they go over the wire."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def add(self, secret: str) -> None:
        """From then on this text is hidden."""
        self._forms |= {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)} - {""}

    def add_basic(self, user: str, password: str) -> str:
        """Hides a password, and gives the value of the header that holds it."""
        packed = b64encode(f"{user}:{password}".encode()).decode()
        self.add(password)
        self.add(packed)
        return f"Basic {packed}"

    def hide(self, text: str) -> str:
        """A text without the secrets; longer forms first, as one may hold another."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, MASK)
        return text

    def without(self, error: TidelakeError) -> TidelakeError:
        """The same error, with every secret in its parts hidden."""
        made = type(error)(
            self.hide(error.wrong),
            received=None if error.received is None else self.hide(str(error.received)),
            valid=error.valid and self.hide(error.valid),
            todo=error.todo and self.hide(error.todo),
        )
        made.__dict__.update({name: value for name, value in error.__dict__.items() if name not in made.__dict__})
        return made
