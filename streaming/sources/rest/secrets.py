"""Keeps the secrets of a source out of what is told about it, even where the service repeats them."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from json import dumps
from urllib.parse import quote, quote_plus

from runtime.errors import TidelakeError

MASK = "***"

LONGEST = 300
"""Most characters that are shown of what a service says."""


class Secrets:
    """Secret texts, in every form in which they go over the wire."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def add(self, secret: str) -> None:
        """From then on this text is hidden."""
        in_addresses = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
        in_texts = {
            secret,
            escape(secret),
            repr(secret)[1:-1],
            dumps(secret)[1:-1],
            dumps(secret, ensure_ascii=False)[1:-1],
        }
        self._forms |= (in_addresses | in_texts) - {""}

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
        """The same error, with every secret in its parts hidden; cut only then, as half a secret is not found."""
        made = type(error)(
            self.hide(error.wrong),
            received=None if error.received is None else self.hide(str(error.received))[:LONGEST],
            valid=error.valid and self.hide(error.valid),
            todo=error.todo and self.hide(error.todo),
        )
        made.__dict__.update({name: value for name, value in error.__dict__.items() if name not in made.__dict__})
        return made
