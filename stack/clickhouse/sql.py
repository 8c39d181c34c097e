"""What a statement is: its first word, where its data begins if it is an INSERT, and which format it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stack.clickhouse.tokens import Kind, Token, tokens

_QUERY_WORDS = (b"SELECT", b"WITH", b"EXPLAIN")


@dataclass(frozen=True)
class Statement:
    """One statement as it came.

    Attributes:
        text: the statement; of an INSERT with data, all before its FORMAT or VALUES.
        data: the bytes after FORMAT or VALUES that came with the text; None unless it is an INSERT that takes data.
        format: the format that the statement names, of its result or of its data.
        tokens: what `text` (and FORMAT or VALUES) consists of.
    """

    text: bytes
    data: bytes | None
    format: str | None
    tokens: tuple[Token, ...] = field(repr=False)

    @property
    def verb(self) -> str:
        """The first word in capitals, such as SELECT."""
        first = next((token for token in self.tokens if not token.sign(b"(")), None)
        return first.text.upper().decode("ascii", "replace") if first and first.kind is Kind.WORD else ""

    def has(self, *words: bytes) -> bool:
        """Whether these keywords stand one after another, at any depth."""
        found = [token.text.upper() if token.kind is Kind.WORD else b"" for token in self.tokens]
        return any(tuple(found[at : at + len(words)]) == words for at in range(len(found)))


def read(sql: bytes) -> Statement:
    """The statement that these bytes begin with.

    >>> read(b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1").format
    'JSON'
    >>> insert = read(b"INSERT INTO t (format) FORMAT CSV \\n1;2")
    >>> insert.text, insert.format, insert.data
    (b'INSERT INTO t (format) ', 'CSV', b'1;2')
    """
    stream = tokens(sql)
    first = next(stream, None)
    if first is None or not first.word(b"INSERT"):
        seen = (*([first] if first else []), *stream)
        return Statement(sql, None, _result_format(seen), seen)
    return _insert(sql, first, stream)


def _insert(sql: bytes, first: Token, stream: Iterator[Token]) -> Statement:
    seen = [first, *_name(stream)]
    for token in stream:
        before = seen[-1]
        seen.append(token)
        if token.depth or before.sign(b"."):
            continue
        if token.word(b"VALUES"):
            return Statement(sql[: token.start], sql[token.end :], "Values", tuple(seen))
        if before.word(b"FORMAT") and token.kind is Kind.WORD:
            return Statement(sql[: before.start], _after_line(sql, token.end), token.text.decode(), tuple(seen))
        if token.word(*_QUERY_WORDS):
            return Statement(sql, None, None, (*seen, *stream))
    return _without_format(sql, tuple(seen))


def _name(stream: Iterator[Token]) -> list[Token]:
    """The tokens up to the table's name (of `a.b` up to `a`), which may be spelled like a keyword."""
    seen = []
    for token in stream:
        seen.append(token)
        if not token.word(b"INTO", b"TABLE", b"FUNCTION"):
            break
    return seen


def _without_format(sql: bytes, seen: tuple[Token, ...]) -> Statement:
    if any(token.word(*_QUERY_WORDS) for token in seen):
        return Statement(sql, None, None, seen)
    end = seen[-1].start if seen[-1].sign(b";") else seen[-1].end
    return Statement(sql[:end], b"", None, seen)


def _after_line(sql: bytes, at: int) -> bytes:
    """The data after a format's name: spaces and one line end belong to neither."""
    end = at
    while sql[end : end + 1] in (b" ", b"\t", b"\f"):
        end += 1
    end += sql[end : end + 1] == b"\r"
    end += sql[end : end + 1] == b"\n"
    return sql[end:]


def _result_format(seen: tuple[Token, ...]) -> str | None:
    """The format of a FORMAT clause: the last one at the outside that only SETTINGS or the end follows."""
    for at in range(len(seen) - 2, 0, -1):
        word, name = seen[at], seen[at + 1]
        if word.depth or not word.word(b"FORMAT") or name.kind is not Kind.WORD:
            continue
        after = seen[at + 2] if at + 2 < len(seen) else None
        return name.text.decode() if after is None or after.sign(b";") or after.word(b"SETTINGS") else None
    return None
