"""The records of an answer: which elements they are, and what their fields hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from runtime.errors import Permanent
from streaming.sources.soap.shape import ANYTHING, Kind, Shape
from streaming.sources.soap.values import boolean, number, time
from streaming.sources.soap.wire import Limits
from streaming.sources.soap.xml import TODO, local

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
NIL, TYPE = f"{XSI}nil", f"{XSI}type"
REFERENCES = ("href", "{http://www.w3.org/2003/05/soap-encoding}ref")
IDENTITIES = ("id", "{http://www.w3.org/2003/05/soap-encoding}id")


class TooDeepError(ValueError):
    """A record is nested deeper than allowed."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record: its element, and the fields that it has, those of what encloses it under that one's name."""

    element: Any
    fields: Mapping[str, Any] | None
    problem: str | None


class Answered:
    """The body of one answer.

    Args:
        body: the SOAP body.
        shape: of the element in it.
        typed: finds the shape of a type that an element names itself (xsi:type), by namespace and local name.
        zone: of times that tell none.
        limits: how deep a record may be, and how much may be read: references may lead to one element many times.
    """

    def __init__(
        self, body: Any, shape: Shape, typed: Mapping[str, Shape], zone: tzinfo | None, limits: Limits
    ) -> None:
        self._root = next(iter(body), None)
        self._shape, self._typed, self._zone, self._limits = shape, typed, zone, limits
        self._by_id = {found: each for each in body for name in IDENTITIES if (found := each.get(name))}
        self._left = limits.markup

    def items(self, path: str) -> Iterator[Item]:
        """The records that a path leads to; the element in the body itself where it is empty."""
        if self._root is None:
            return
        names = path.split(".") if path else []
        for element, shape, around in self._walk(self._root, self._shape, names, {}):
            yield self._item(element, shape, around)

    def text(self, path: str) -> str | None:
        """The text of the first element (or `@attribute`) that a path leads to."""
        if self._root is None:
            return None
        inner, at, attribute = path.partition("@")
        found = next(self._walk(self._root, self._shape, inner.split("."), None), None)
        if found is None or found[0].get(NIL) in ("true", "1"):
            return None
        value = found[0].get(attribute) if at else found[0].text
        return value.strip() if value is not None else None

    def _item(self, element: Any, shape: Shape, around: Mapping[str, Any]) -> Item:
        try:
            value = self.value(element, shape, self._limits.depth)
        except TooDeepError as error:
            return Item(element, None, str(error))
        own = value if isinstance(value, dict) else {local(element.tag): value}
        return Item(element, {**around, **own, **self._attributes("", element, shape)}, None)

    def _walk(
        self, element: Any, shape: Shape, names: list[str], around: dict[str, Any] | None
    ) -> Iterator[tuple[Any, Shape, dict[str, Any]]]:
        """The elements at the end of a path; `around` gathers what encloses them, unless it is None."""
        element = self._meant(element)
        if not names:
            yield element, self._shape_of(element, shape), around or {}
            return
        shape = self._shape_of(element, shape)
        if around is not None:
            around = {**around, **self._enclosing(element, shape, names[0])}
        for child in element:
            if local(child.tag) == names[0]:
                yield from self._walk(child, shape.child(names[0]) or ANYTHING, names[1:], around)

    def _enclosing(self, element: Any, shape: Shape, but: str) -> dict[str, Any]:
        try:
            found = self._children(element, shape, self._limits.depth, but)
        except TooDeepError:
            return {}
        found |= self._attributes("", element, shape)
        return {local(element.tag): found} if found else {}

    def value(self, element: Any, shape: Shape, depth: int) -> Any:
        """Text, a dict of what stands in the element, or None where it is nil.

        Raises:
            TooDeepError: it is nested too deep.
            Permanent: references lead to more elements than a document may have.
        """
        element = self._meant(element)
        self._left -= 1
        if self._left < 0:
            raise Permanent("an answer is larger than allowed when its references are followed", todo=TODO)
        if depth < 0:
            raise TooDeepError(f"nested deeper than {self._limits.depth} elements")
        if element.attrib:
            if element.get(NIL) in ("true", "1"):
                return None
            shape = self._shape_of(element, shape)
        if len(element) or shape.children:
            return self._children(element, shape, depth)
        return self._text(element.text or "", shape.kind)

    def _children(self, element: Any, shape: Shape, depth: int, but: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        repeated: set[str] = set()
        for child in element:
            name = local(child.tag)
            if name == but:
                continue
            inner = shape.child(name) or ANYTHING
            value = self.value(child, inner, depth - 1)
            if inner.many or name in found:
                if name not in repeated:
                    repeated.add(name)
                    found[name] = [found[name]] if name in found else []
                found[name].append(value)
            else:
                found[name] = value
            if child.attrib:
                found |= self._attributes(name, child, inner)
        return found

    def _attributes(self, name: str, element: Any, shape: Shape) -> dict[str, str]:
        """An element's own attributes, each as `name@attribute`."""
        return {
            f"{name}@{key}": self._text(value, shape.attributes.get(key, Kind.TEXT))
            for key, value in element.attrib.items()
            if not key.startswith("{")
        }

    def _text(self, text: str, kind: Kind) -> str:
        match kind:
            case Kind.NUMBER:
                return number(text)
            case Kind.TIME:
                return time(text, self._zone)
            case Kind.BOOLEAN:
                return boolean(text)
            case _:
                return text

    def _shape_of(self, element: Any, shape: Shape) -> Shape:
        """That of the type which the element itself names, if it does."""
        if not element.attrib or (told := element.get(TYPE)) is None:
            return shape
        prefix, _, name = told.strip().rpartition(":")
        return self._typed.get(f"{{{element.nsmap.get(prefix or None, '')}}}{name}", shape)

    def _meant(self, element: Any) -> Any:
        """What an element of an encoded message refers to, or the element itself."""
        for name in REFERENCES if self._by_id and element.attrib else ():
            if told := element.get(name):
                return self._by_id.get(told.removeprefix("#"), element)
        return element
