"""How a process that only looks after things shows that it does."""

from __future__ import annotations

from pathlib import Path

from runtime.settings import Settings


def sign_of_life(chosen: Settings, name: str) -> Path:
    """The file that a process touches each time it has looked; its age says when that was."""
    return chosen.home / f"{name}.alive"
