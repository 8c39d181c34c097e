"""Tokens are cut where the engine cuts them, so that no code hides in what looks like a string or a comment."""

from __future__ import annotations

import pytest

from stack.clickhouse.tokens import tokens


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a 'b''c' d", ["a", "'b''c'", "d"]),
        (r"'b\'c' d", [r"'b\'c'", "d"]),
        ('`a``b` "c\\"d" e', ["`a``b`", '"c\\"d"', "e"]),
        ("a /* b /* c */ d */ e -- f\n# g\n#! h\ni", ["a", "e", "i"]),
        ("$$ a ' b $$ c $x$ ' $x$", ["$$ a ' b $$", "c", "$x$ ' $x$"]),
        ("‘'’ a “b'” c", ["‘'’", "a", "“b'”", "c"]),
        ("'open", ["'open"]),
        ("1file(", ["1", "file", "("]),
    ],
)
def test_cuts(sql: str, expected: list[str]) -> None:
    assert [token.text.decode() for token in tokens(sql.encode())] == expected


def test_counts_open_parentheses() -> None:
    assert [(token.text, token.depth) for token in tokens(b"a(b[c])d")] == [
        (b"a", 0),
        (b"(", 0),
        (b"b", 1),
        (b"[", 1),
        (b"c", 2),
        (b"]", 1),
        (b")", 0),
        (b"d", 0),
    ]


def test_reads_no_further_than_asked() -> None:
    assert next(tokens(b"INSERT " + b"'" * 1_000_000)).text == b"INSERT"
