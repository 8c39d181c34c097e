"""Requests as multipart/form-data: a long query and its parameters as fields, and external tables as files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from stack.clickhouse.errors import ClickHouseError

_FIELDS_LIMIT = 64 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True)
class ExternalTable:
    """Rows that came with a query, to be read under a name: their format, their columns as ClickHouse declares them."""

    name: str
    format: str
    structure: str
    file: IO[bytes]

    def pieces(self) -> Iterator[bytes]:
        """The rows' bytes, a megabyte at a time."""
        return iter(lambda: self.file.read(1 << 20), b"")


def read_form(
    environ: Mapping[str, Any], params: Mapping[str, str]
) -> tuple[dict[str, str], tuple[ExternalTable, ...]]:
    """The fields of a form (query, parameters, settings) and its external tables.

    Args:
        environ: the WSGI request.
        params: the request's query parameters: they may hold `NAME_structure` or `NAME_types`, and `NAME_format`.

    Raises:
        ClickHouseError: an external table without columns, or with a name that is no identifier.
    """
    from werkzeug.exceptions import HTTPException
    from werkzeug.formparser import FormDataParser

    try:
        _, fields, files = FormDataParser(silent=False, max_form_memory_size=_FIELDS_LIMIT).parse_from_environ(
            dict(environ)
        )
    except (ValueError, HTTPException) as error:
        raise ClickHouseError("BAD_ARGUMENTS", f"The body is not a valid form: {error}") from error
    described = {**params, **fields.to_dict()}
    tables = tuple(_table(name, file.stream, described) for name, file in files.items())
    return fields.to_dict(), tables


def _table(name: str, file: IO[bytes], described: Mapping[str, str]) -> ExternalTable:
    if not _NAME.match(name):
        raise ClickHouseError("BAD_ARGUMENTS", f"The name of the external table '{name}' is not an identifier")
    structure, types = described.get(f"{name}_structure"), described.get(f"{name}_types")
    if structure is None and types is not None:
        structure = ", ".join(f"_{at} {kind.strip()}" for at, kind in enumerate(_split(types), 1))
    if not structure:
        raise ClickHouseError(
            "BAD_ARGUMENTS",
            f"The columns of the external table '{name}' are missing: give {name}_structure or {name}_types",
        )
    return ExternalTable(name, described.get(f"{name}_format", "TabSeparated"), structure, file)


def _split(types: str) -> list[str]:
    """Types separated by the commas that stand outside of parentheses.

    >>> _split("String, Decimal(18, 2)")
    ['String', ' Decimal(18, 2)']
    """
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
