"""Files that are made of the code and committed: each is written anew by its module, or only compared."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def keep(file: Path, made: Callable[[], bytes], module: str, arguments: Sequence[str]) -> int:
    """Writes a file; the process's exit code.

    Args:
        file: where it is kept.
        made: all of what it has to hold.
        module: what writes it, as `python -m` knows it.
        arguments: with `--check` nothing is written, and the code is 1 if the file is not current.
    """
    if list(arguments) == ["--check"]:
        current = file.exists() and file.read_bytes() == made()
        if not current:
            sys.stderr.write(f"{file} is not current; run `python -m {module}`\n")
        return 0 if current else 1
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(made())
    return 0
