"""What has changed between two states of a ranking."""

from __future__ import annotations

from typing import Any

from serving.evidence import Document

Lines = list[dict[str, Any]]

FIGURES = frozenset({"rank", "amount", "sales", "salesman"})
"""What changes of a line; everything else says whose it is."""


def change(before: Lines, body: Document) -> Document:
    """The lines that are new or different, and the subjects that are gone, with the evidence of the new state.

    Whoever keeps lines by subject takes away those under `gone`, puts in those under `changed`, and sorts by the
    ranking's `within` columns and `rank`.
    """
    lines = body["data"]
    assert isinstance(lines, list)
    known, now = _by_subject(before), _by_subject(lines)
    return {
        "ranking": body["ranking"],
        "changed": [line for key, line in now.items() if known.get(key) != line],
        "gone": [dict(key) for key in known if key not in now],
        "evidence": body["evidence"],
    }


def _by_subject(lines: Lines) -> dict[tuple[tuple[str, Any], ...], dict[str, Any]]:
    return {tuple((name, value) for name, value in line.items() if name not in FIGURES): line for line in lines}
