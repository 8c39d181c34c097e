"""ClickHouse's tokens, read from bytes one after another: enough to see a statement's shape, never to parse it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    QUOTED = auto()
    STRING = auto()
    SIGN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its bytes as written, where it starts and ends, how many parentheses are open around it."""

    kind: Kind
    text: bytes
    start: int
    end: int
    depth: int

    def word(self, *words: bytes) -> bool:
        """Whether this is one of these keywords, given in capitals."""
        return self.kind is Kind.WORD and self.text.upper() in words

    def sign(self, sign: bytes) -> bool:
        """Whether this is this punctuation character."""
        return self.kind is Kind.SIGN and self.text == sign

    @property
    def name(self) -> bytes:
        """An identifier without its quotes (escapes within it stay as they are)."""
        return self.text[_QUOTE_LENGTH[self.text[:1]] :][: -_QUOTE_LENGTH[self.text[:1]]] if self.quoted else self.text

    @property
    def quoted(self) -> bool:
        """Whether this is an identifier in quotes."""
        return self.kind is Kind.QUOTED


# The engine takes typographic quotes for quotes: a lexer that did not would see strings where there is code.
_QUOTE_LENGTH = {b"`": 1, b'"': 1, b"\xe2": 3}
_PIECE = re.compile(
    rb"""(?P<space>[\s\x0b\x0c\0]+ | --[^\n]* | \#[!\s][^\n]*)
       | (?P<comment>/\*)
       | (?P<string>'(?:[^'\\]|\\.|'')*(?:'|\Z) | \xe2\x80\x98.*?(?:\xe2\x80\x99|\Z))
       | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
       | (?P<quoted>"(?:[^"\\]|\\.|"")*(?:"|\Z) | `(?:[^`\\]|\\.|``)*(?:`|\Z) | \xe2\x80\x9c.*?(?:\xe2\x80\x9d|\Z))
       | (?P<word>[A-Za-z_][\w$]*)
       | (?P<sign>\d+|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_KINDS = {"string": Kind.STRING, "heredoc": Kind.STRING, "quoted": Kind.QUOTED, "word": Kind.WORD, "sign": Kind.SIGN}


def tokens(sql: bytes) -> Iterator[Token]:
    """The tokens of a statement, without spaces and comments, read only as far as the caller asks.

    >>> [token.text for token in tokens(b"SELECT 'it''s', `a` /* x /* y */ z */ -- end")]
    [b'SELECT', b"'it''s'", b',', b'`a`']
    """
    at, depth = 0, 0
    while match := _PIECE.match(sql, at):
        if match.lastgroup == "comment":
            at = _after_comment(sql, match.end())
            continue
        at, kind = match.end(), _KINDS.get("heredoc" if match["heredoc"] else match.lastgroup or "")
        if kind is None:
            continue
        text = match.group()
        depth -= text in (b")", b"]", b"}")
        yield Token(kind, text, match.start(), at, depth)
        depth += text in (b"(", b"[", b"{")


def _after_comment(sql: bytes, at: int) -> int:
    """Where a comment that was opened before `at` ends; comments nest."""
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(sql, at)):
        depth += 1 if edge.group() == b"/*" else -1
        at = edge.end()
    return len(sql) if depth else at
