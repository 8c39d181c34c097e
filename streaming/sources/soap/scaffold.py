"""Writes a definition from a WSDL: proposes, asks where a person is there to answer, and checks what it wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rankings.contract import KEY_RULES, SALE_RULES
from runtime.errors import Permanent
from streaming.sources.soap.definition import SoapSource
from streaming.sources.soap.proposal import (
    ARGUMENTS,
    MESSAGES,
    SEQUENCES,
    SIZES,
    WORDS,
    closest,
    leaves,
    mapping,
    repeated,
)
from streaming.sources.soap.service import Service, put
from streaming.sources.soap.shape import Shape

REQUIRED = tuple(rule.field for rule in (*KEY_RULES, *SALE_RULES) if rule.required and rule.field != "source")

MOST = "1000"
"""The records of one answer, where the service lets itself be told."""

Choose = Callable[[str, Sequence[str], str], str]
"""Asks for one of several values: what is asked, the choices, and the proposal."""

Ask = Callable[[str, str], str]
"""Asks for a text: what is asked, and the proposal; an empty answer is none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is told beforehand; the rest is proposed and asked.

    Attributes:
        name: of the source.
        wsdl: its address or file.
        operation: empty to ask.
        rows: the path of the records; None to ask.
        fields: by the field of a sale: a path, or `=text` for a constant.
        request: the arguments of each question, by path.
        hosts: that the WSDL may import from, besides its own.
        more: of the definition, as it is: http, security, soap and so on.
    """

    name: str
    wsdl: str
    operation: str = ""
    rows: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, str] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


def scaffold(wanted: Wanted, choose: Choose, ask: Ask) -> dict[str, Any]:
    """A definition as YAML holds it.

    Raises:
        Retryable: the WSDL cannot be had.
        Permanent: it is refused, has no operation that answers, or a required field is not told.
    """
    with closing(_opened(wanted)) as service:
        operation = wanted.operation or _operation(service, choose)
        answer = service.answers(operation)
        rows = _rows(answer, choose) if wanted.rows is None else wanted.rows
        row = answer.at(rows)
        if row is None:
            raise Permanent("the answer has no such element", received=rows, valid=", ".join(repeated(answer)))
        fields = _fields(wanted, row, ask)
        asks = service.asks(operation)
        poll = _poll(asks, row, ask)
        request = _request(wanted, asks, poll, ask)
        definition = _head(wanted, operation, rows) | request | poll | _message(row) | {"fields": fields}
        valid(definition)
    return definition


def valid(told: Mapping[str, Any]) -> SoapSource:
    """The definition that is told.

    Raises:
        Permanent: it is not valid.
    """
    try:
        return SoapSource.model_validate(dict(told))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Permanent("the definition is not valid", received=said) from error


def _opened(wanted: Wanted) -> Service:
    """The service with any operation: which one is asked later."""
    return Service(valid(_head(wanted, wanted.operation, "")), any_operation=not wanted.operation)


def _head(wanted: Wanted, operation: str, rows: str) -> dict[str, Any]:
    head = {"name": wanted.name, "kind": "soap", "wsdl": wanted.wsdl, "operation": operation}
    hosts = {"hosts": list(wanted.hosts)} if wanted.hosts else {}
    return {**head, **hosts, **wanted.more, **({"rows": rows} if rows else {})}


def _operation(service: Service, choose: Choose) -> str:
    """Those that answer with something repeated come first."""
    names = sorted(service.operations(), key=lambda name: (not any(repeated(service.answers(name))), name))
    if not names:
        raise Permanent("the WSDL has no operation", received=service.port)
    likely = [name for name in names if any(word in name.lower() for word in ("sale", "order", "receipt", "invoice"))]
    best = next((name for name in likely if any(repeated(service.answers(name)))), names[0])
    return choose("Which operation tells sales", names, best)


def _rows(answer: Shape, choose: Choose) -> str:
    found = list(repeated(answer))
    if not found:
        return ""
    best = max(found, key=lambda path: len(mapping(answer.at(path) or Shape())))
    return choose("Which element is one sale", found, best)


def _fields(wanted: Wanted, row: Shape, ask: Ask) -> dict[str, Any]:
    proposed, known = mapping(row), [leaf.path for leaf in leaves(row)]
    found: dict[str, Any] = {}
    for name in WORDS:
        told = wanted.fields.get(name)
        path = ask(f"{name} (a path, or =text for a constant)", proposed.get(name, "")) if told is None else told
        if path.startswith("="):
            found[name] = {"constant": path[1:]}
        elif path and path not in known:
            raise Permanent(f"{name}: a record has no such field", received=path, valid=", ".join(known))
        elif path:
            found[name] = path
        elif name in REQUIRED:
            raise Permanent(
                f"{name} is not told, and nothing in the record is like it",
                valid=", ".join(known),
                todo=f"tell it with --field {name}=PATH, or {name}==TEXT for a constant",
            )
    return found


def _poll(asks: Shape, row: Shape, ask: Ask) -> dict[str, Any]:
    """By sequence where the service takes what a record holds; else everything is asked for at each reading."""
    paths = [leaf.path for leaf in leaves(row)]
    argument = ask(
        "The argument for the last number that was taken (empty: none)", closest(list(asks.children), ARGUMENTS) or ""
    )
    number = ask("The field of that number", closest(paths, SEQUENCES) or "") if argument else ""
    if not (argument and number):
        return {}
    return {"poll": {"by": "sequence", "argument": argument, "field": number}}


def _request(wanted: Wanted, asks: Shape, poll: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """The arguments that are the same for every question."""
    told: dict[str, Any] = {}
    own = poll["poll"]["argument"] if poll else None
    for path in (leaf.path for leaf in leaves(asks) if "@" not in leaf.path and leaf.path != own):
        proposal = MOST if closest([path], SIZES) else ""
        value = wanted.request.get(path)
        value = ask(f"The argument {path} (empty: not sent)", proposal) if value is None else value
        if value:
            put(told, f"request.{path}", value)
    if unknown := set(wanted.request) - {leaf.path for leaf in leaves(asks)}:
        known = ", ".join(leaf.path for leaf in leaves(asks))
        raise Permanent("the operation has no such argument", received=", ".join(sorted(unknown)), valid=known)
    return told


def _message(row: Shape) -> dict[str, str]:
    found = closest([leaf.path for leaf in leaves(row)], MESSAGES)
    return {"message_id": found} if found else {}


def written(definition: Mapping[str, Any], path: Path) -> None:
    """Writes a definition's file.

    Raises:
        Permanent: there is one already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            yaml.safe_dump(dict(definition), file, sort_keys=False, allow_unicode=True)
    except FileExistsError as error:
        raise Permanent(
            "there is a definition already", received=str(path), todo="remove it, or name another"
        ) from error
