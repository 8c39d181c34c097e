"""Writes `docs/settings.md` from the settings' own definitions; `--check` tells whether the page is current."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from runtime.generated import keep
from runtime.settings import Settings, home

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """# Settings

<!-- Written by `python -m runtime.settings_page`. Change `runtime/settings.py`, then run it again. -->

A value comes from the first of: the environment variable, the file `addresses.json` that a running one-machine stack
leaves in `TIDELAKE_HOME`, the default. Values are read once, when a process starts.

| Environment variable | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(name, field) for name, field in Settings.model_fields.items())


def main(arguments: list[str]) -> int:
    """Writes the page; with `--check` writes nothing and gives 1 if it is not current."""
    return keep(PAGE, lambda: page().encode(), "runtime.settings_page", arguments)


def _row(name: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `TIDELAKE_{name.upper()}` | {_default(name, field)} | {meaning} |\n"


def _default(name: str, field: FieldInfo) -> str:
    """The default as it is on any machine: paths are given relative to what they follow from."""
    if name == "home":
        return "`.tidelake` in the working directory"
    value = field.get_default(call_default_factory=True)
    if value in (None, ""):
        return "none"
    text = str(value.get_secret_value() if isinstance(value, SecretStr) else value)
    cache = os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))
    return f"`{text.replace(str(home()), '$TIDELAKE_HOME').replace(cache, '~/.cache')}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
