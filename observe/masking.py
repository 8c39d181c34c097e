"""Secrets never reach a log: values of telling names are masked, and so are secrets inside any text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache

MASK = "***"
DEEPEST = 6

_SECRET_NAME = re.compile(
    r"(?i)(^|[_\-.])(key|token|dsn|auth|authorization|cookie|credentials?)$|passw|secret|api_?key|private_?key"
)
_SECRET_TEXT = (
    # postgresql://user:PASSWORD@host; to the last @, since a password may hold one itself
    (re.compile(r"(://[^\s/:@]*:)[^\s]*(?=@)"), rf"\g<1>{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{6,}"), rf"\g<1>\g<2>{MASK}"),
    (
        re.compile(r"""(?i)\b(\w*password|passwd|pwd|token|secret|api_?key)(["']?\s*[=:]\s*["']?)[^\s"',;&)}]+"""),
        rf"\g<1>\g<2>{MASK}",
    ),
)

_NEEDED = re.compile(r"[:=\s]")
"""Each of these texts has at least one of them."""

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def masked(value: object, name: str = "", depth: int = 0) -> Plain:
    """A value as plain JSON can hold it, without secrets.

    >>> masked({"dsn": "postgresql://a:b@c/d", "rows": 3})
    {'dsn': '***', 'rows': 3}
    >>> masked("cannot connect to postgresql://shop:pa@ss@127.0.0.1/shop")
    'cannot connect to postgresql://shop:***@127.0.0.1/shop'
    """
    if _is_telling(name) and value not in (None, ""):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if type(value) is str:
        return masked_text(value)
    if depth < DEEPEST and isinstance(value, Mapping):
        return {str(key): masked(each, str(key), depth + 1) for key, each in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [masked(each, "", depth + 1) for each in value]
    return masked_text(_text(value))


@lru_cache(1000)
def _is_telling(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def masked_text(text: str) -> str:
    """A text without the passwords of addresses, bearer tokens and `password=...` in it."""
    if not _NEEDED.search(text):
        return text
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
