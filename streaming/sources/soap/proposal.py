"""Proposals for a definition: which operation tells sales, where its records are, and which field is which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from streaming.sources.soap.shape import Kind, Shape

DEEPEST = 6
ENOUGH = 0.6
"""A likeness below which nothing is proposed."""

WORDS: dict[str, tuple[str, ...]] = {
    "sale_id": ("sale id", "sale no", "receipt", "receipt no", "order id", "order no", "invoice no", "transaction id",
                "document no", "id"),
    "occurred_at": ("occurred at", "sold at", "sale date", "order date", "date time", "timestamp", "booked at", "date",
                    "created at"),
    "country": ("country", "country name", "country code", "nation", "land"),
    "city": ("city", "town", "city name", "place", "location", "store city"),
    "salesman_id": ("salesman id", "seller id", "salesperson id", "employee id", "agent id", "rep id", "clerk id",
                    "cashier id", "seller", "salesman"),
    "salesman": ("salesman", "salesman name", "seller name", "salesperson", "employee name", "agent name", "clerk"),
    "amount": ("amount", "total", "total amount", "sum", "gross amount", "net amount", "price", "value", "revenue"),
    "currency": ("currency", "currency code", "iso currency"),
    "deleted": ("deleted", "is deleted", "cancelled", "canceled", "voided", "removed"),
}  # fmt: skip
"""What each field of a sale is often called, the likeliest first."""

KINDS = {"occurred_at": Kind.TIME, "amount": Kind.NUMBER, "deleted": Kind.BOOLEAN}
"""What a field's type is where the schema says it well; another type counts against it."""

SEQUENCES = ("sequence", "sequence no", "number", "change no", "version", "offset", "position", "cursor")
MESSAGES = ("message id", "event id", "uuid", "guid")
SIZES = ("size", "page size", "limit", "max rows", "max results", "count", "most")
ARGUMENTS = ("after", "since", "from", "from sequence", "last sequence", "cursor", "last number", "offset")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field of a record: its path from it, and its kind."""

    path: str
    kind: Kind


def leaves(shape: Shape, prefix: str = "", depth: int = DEEPEST) -> Iterator[Leaf]:
    """The fields of a record that have one text each."""
    for name, child in shape.children.items():
        path = f"{prefix}{name}"
        if child.many or depth == 0 or child.kind is Kind.BINARY:
            continue
        if child.children:
            yield from leaves(child, f"{path}.", depth - 1)
        else:
            yield Leaf(path, child.kind)
        for attribute, kind in child.attributes.items():
            yield Leaf(f"{path}@{attribute}", kind)
    if not prefix:
        yield from (Leaf(f"@{attribute}", kind) for attribute, kind in shape.attributes.items())


def repeated(shape: Shape, prefix: str = "", depth: int = DEEPEST) -> Iterator[str]:
    """The paths of the elements that can be records, of whole ones before their parts."""
    for name, child in shape.children.items():
        if child.many and child.children:
            yield f"{prefix}{name}"
    for name, child in shape.children.items():
        if depth:
            yield from repeated(child, f"{prefix}{name}.", depth - 1)


def mapping(shape: Shape) -> dict[str, str]:
    """The field of a sale and the path that is most like it; each path is given once, the surest first."""
    found = list(leaves(shape))
    scored = sorted(
        ((likeness(leaf, field), field, leaf.path) for field in WORDS for leaf in found), key=lambda each: -each[0]
    )
    chosen: dict[str, str] = {}
    for score, field, path in scored:
        if score >= ENOUGH and field not in chosen and path not in chosen.values():
            chosen[field] = path
    return {field: chosen[field] for field in WORDS if field in chosen}


def likeness(leaf: Leaf, field: str) -> float:
    """How like a record's field is to a field of a sale, from 0 to 1; earlier words count a little more.

    >>> likeness(Leaf("place.City", Kind.TEXT), "city") > likeness(Leaf("seller", Kind.TEXT), "city")
    True
    """
    wanted = KINDS.get(field)
    if wanted is Kind.BOOLEAN and leaf.kind is not wanted:
        return 0.0
    best = max(_like(leaf.path, word) - 0.01 * order for order, word in enumerate(WORDS[field]))
    if wanted is None:
        return best - (0.3 if leaf.kind in (Kind.TIME, Kind.BOOLEAN) else 0.0)
    return best + (0.15 if leaf.kind is wanted else -0.25)


def closest(paths: Sequence[str], words: Sequence[str]) -> str | None:
    """The path that is most like one of the words; None if none is."""
    scored = [(max(_like(path, word) for word in words), path) for path in paths]
    score, path = max(scored, default=(0.0, ""))
    return path if score >= 0.75 else None


def _like(path: str, word: str) -> float:
    """The last name counts, or the last two together, as in `seller.id`."""
    names = [_words(name) for name in re.split(r"[.@]", path) if name]
    texts = [names[-1], *([f"{names[-2]} {names[-1]}"] if len(names) > 1 else [])]
    return max(SequenceMatcher(None, text, word).ratio() for text in texts)


def _words(name: str) -> str:
    """A name's words, in small letters; `Number`, `Nr` and `Num` are `no`.

    >>> _words("ReceiptNumber"), _words("seller_id"), _words("isDeleted")
    ('receipt no', 'seller id', 'is deleted')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.sub(r"[^A-Za-z0-9]+", " ", split).lower().split()
    return " ".join("no" if word in ("number", "nr", "num", "nbr") and len(words) > 1 else word for word in words)
