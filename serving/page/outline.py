"""A JSON document as tables that people can read: what is single first, then one table for each of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEADING = ("ranking", "topic", "partition")
"""Columns that say what a line is about: they come first, whatever order the document was kept in."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        title: the name of the part that it shows, or the empty string for what is single.
        columns: their names; a part without names of its own has the two columns `name` and `value`.
        rows: as many cells as columns each; None where there is nothing.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def outline(document: Mapping[str, Any]) -> list[Table]:
    """The document's tables. An empty part counts as something single that is missing.

    >>> for table in outline({"a": 1, "b": [2, 3], "c": {"x": True}, "d": [{"e": 5}, {"e": 6, "topic": 7}], "g": []}):
    ...     print(table.title, table.columns, table.rows)
     ('name', 'value') (('a', 1), ('b', '2, 3'), ('g', None))
    c ('name', 'value') (('x', 'yes'),)
    d ('topic', 'e') ((None, 5), (7, 6))
    """
    single = {name: value for name, value in document.items() if not value or not _is_part(value)}
    parts = [_part(name, value) for name, value in document.items() if name not in single]
    return [_pairs("", single), *parts] if single else parts


def _is_part(value: object) -> bool:
    return isinstance(value, Mapping) or _are_lines(value)


def _are_lines(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, Mapping) for each in value)


def _part(name: str, value: Any) -> Table:
    return _lines(name, value) if _are_lines(value) else _pairs(name, value)


def _pairs(title: str, pairs: Mapping[str, Any]) -> Table:
    return Table(title, ("name", "value"), tuple((name, _cell(value)) for name, value in pairs.items()))


def _lines(title: str, lines: Sequence[Any]) -> Table:
    named = dict.fromkeys(name for line in lines for name in line)
    columns = (*(name for name in LEADING if name in named), *(name for name in named if name not in LEADING))
    return Table(title, columns, tuple(tuple(_cell(line.get(name)) for name in columns) for line in lines))


def _cell(value: object) -> object:
    """What is deeper still is told in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_cell(part)}" for name, part in value.items()) or None
    if isinstance(value, list):
        return ", ".join(str(_cell(part)) for part in value) or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value
