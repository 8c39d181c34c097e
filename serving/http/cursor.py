"""Cursors: where a page ended, and what its list was pinned to. Opaque to callers, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import zlib
from functools import lru_cache
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from serving.http.parameters import invalid, wrong

LONGEST = 4000
BIGGEST = 20_000
"""Characters that are read, and bytes that they may unpack to."""

M = TypeVar("M", bound=BaseModel)


class Token(BaseModel):
    """What a token says; tokens that say something else are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class RankCursor(Token):
    """The page of a ranking: the question, the last rank, and the position that its first page was read at."""

    question: str
    after: int
    version: int
    until: str


class ListCursor(Token):
    """The page of a list: which list, and how many lines or which number came before."""

    of: str
    after: int


def packed(token: BaseModel) -> str:
    """The token's text: URL-safe, without padding."""
    return _text(token.model_dump_json())


@lru_cache(1000)
def _text(said: str) -> str:
    return base64.urlsafe_b64encode(zlib.compress(said.encode(), 9)).rstrip(b"=").decode()


def unpacked(model: type[M], text: str) -> M | None:
    """What a token says, or None if it is not one of ours."""
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return model.model_validate(orjson.loads(zlib.decompressobj().decompress(raw, BIGGEST)))
    except (binascii.Error, zlib.error, orjson.JSONDecodeError, ValidationError, ValueError):
        return None


def list_after(text: str | None, of: str) -> int | None:
    """The number where a list goes on, or None at its beginning.

    Raises:
        Problem: 400, if the cursor is not one of this list.
    """
    if text is None:
        return None
    token = unpacked(ListCursor, text)
    if token is None or token.of != of or token.after < 0:
        raise not_a_cursor(text)
    return token.after


def not_a_cursor(text: str) -> Exception:
    """The problem that says so."""
    return invalid([wrong("cursor", text, "the `next` of a page of the same list, as it came")])
