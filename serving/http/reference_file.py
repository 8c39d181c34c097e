"""Writes `docs/openapi.json`, the reference for generators of clients; `--check` tells whether the file is current."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from runtime.generated import keep

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def written() -> bytes:
    """The whole file."""
    from runtime.settings import Settings
    from serving.compose import compose
    from serving.http import reference
    from serving.http.app import create_app

    return orjson.dumps(reference.document(create_app(compose(Settings()))), option=orjson.OPT_INDENT_2) + b"\n"


def main(arguments: list[str]) -> int:
    """Writes the file; with `--check` writes nothing and gives 1 if it is not current."""
    return keep(FILE, written, "serving.http.reference_file", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
