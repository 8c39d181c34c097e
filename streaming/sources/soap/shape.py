"""The shape of what a service answers with, as its schema has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ANY = "*"
"""The name of the elements of an encoded array, which may have any."""


class Kind(Enum):
    """What a text is, by its type in the schema."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"
    BINARY = "binary"


@dataclass(slots=True, eq=False)
class Shape:
    """What an element holds.

    Attributes:
        kind: of its text.
        type: its type's name in the schema, for people.
        children: what stands in it, by local name.
        attributes: what is told of it besides, by local name.
        many: whether it can stand several times where it stands.
    """

    kind: Kind = Kind.TEXT
    type: str = "anyType"
    children: dict[str, Shape] = field(default_factory=dict)
    attributes: dict[str, Kind] = field(default_factory=dict)
    many: bool = False

    def child(self, name: str) -> Shape | None:
        """What stands in it by that name."""
        return self.children.get(name) or self.children.get(ANY)

    def at(self, path: str) -> Shape | None:
        """What a dotted path of local names leads to."""
        found: Shape | None = self
        for name in path.split(".") if path else ():
            found = found.child(name) if found else None
        return found

    def has(self, path: str) -> bool:
        """Whether a path, perhaps with an attribute at its end, leads to something."""
        element, at, attribute = path.partition("@")
        holder = self.at(element)
        return holder is not None and (not at or attribute in holder.attributes)


ANYTHING = Shape()
"""What is known of an element that the schema does not tell of."""


class Shapes:
    """Shapes of zeep's types, each made once: types may hold themselves."""

    def __init__(self) -> None:
        self._made: dict[int, Shape] = {}
        self._kept: list[Any] = []

    def of(self, kind: Any, many: bool = False) -> Shape:
        """The shape of an element of this type."""
        if id(kind) not in self._made:
            self._made[id(kind)] = made = Shape(_kind(kind), _name(kind))
            self._kept.append(kind)
            for name, inner, repeated in _elements(kind):
                if name.startswith("_value_"):
                    made.kind = _kind(inner)
                else:
                    made.children[name] = self.of(inner, repeated)
            made.attributes.update(_attributes(kind))
        found = self._made[id(kind)]
        return Shape(found.kind, found.type, found.children, found.attributes, many) if many else found


def _elements(kind: Any) -> Iterator[tuple[str, Any, bool]]:
    """Name, type and whether it repeats, through all sequences, choices and groups."""
    for _, nested in getattr(kind, "elements_nested", ()):
        yield from _within(nested, False)


def _within(part: Any, many: bool) -> Iterator[tuple[str, Any, bool]]:
    from zeep.xsd.elements import Any as Wildcard
    from zeep.xsd.elements import Element
    from zeep.xsd.elements.indicators import Indicator

    repeated = many or part.max_occurs == "unbounded" or part.max_occurs > 1
    if isinstance(part, Indicator):
        inner = part if isinstance(part, list) else [part.child]
        for each in inner:
            yield from _within(each, repeated)
    elif isinstance(part, Wildcard):
        if part.restrict is not None:
            yield ANY, part.restrict, repeated
    elif isinstance(part, Element) and part.name:
        yield part.name, part.type, repeated


def _attributes(kind: Any) -> Iterator[tuple[str, Kind]]:
    for _, attribute in getattr(kind, "attributes", ()):
        if getattr(attribute, "name", None):
            yield attribute.name, _kind(getattr(attribute, "type", None))


def _name(kind: Any) -> str:
    qname = getattr(kind, "qname", None)
    return str(qname.localname) if qname is not None else "a type without a name"


def _kind(kind: Any) -> Kind:
    from zeep.xsd.types import builtins

    for types, found in (
        ((builtins.Decimal, builtins.Integer, builtins.Float, builtins.Double), Kind.NUMBER),
        ((builtins.DateTime,), Kind.TIME),
        ((builtins.Boolean,), Kind.BOOLEAN),
        ((builtins.Base64Binary,), Kind.BINARY),
    ):
        if isinstance(kind, types):
            return found
    return Kind.TEXT
