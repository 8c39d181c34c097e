"""Where something lies in a JSON value: a JSON pointer (RFC 6901) or a dotted path."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

Steps = tuple[str, ...]
"""The names and indexes that lead to a value, from the outside in."""

_BAD_ESCAPE = re.compile(r"~(?![01])")


def steps(path: str) -> Steps:
    """The steps of a path; none for the whole value.

    >>> steps("data.items"), steps("/data/a~1b.c"), steps("")
    (('data', 'items'), ('data', 'a/b.c'), ())

    Raises:
        ValueError: it is neither a pointer nor a dotted path.
    """
    if path == "":
        return ()
    if not path.startswith("/"):
        if not all(path.split(".")):
            raise ValueError(f"received {path!r}, valid: a dotted path such as data.items, or a JSON pointer")
        return tuple(path.split("."))
    if _BAD_ESCAPE.search(path):
        raise ValueError(f"received {path!r}, valid: a JSON pointer, in which ~ stands only as ~0 or ~1")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))


def _checked(path: str) -> str:
    steps(path)
    return path


JsonPath = Annotated[str, AfterValidator(_checked)]
"""A path in a definition."""


def at(value: Any, way: Steps) -> Any:
    """What lies there in a decoded JSON value, or None where there is nothing.

    >>> at({"a": [{"b": 1}]}, ("a", "0", "b")), at({"a": 1}, ("a", "b"))
    (1, None)
    """
    for step in way:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
