"""How a process that only looks after things shows that it does, and what it waits for."""

from __future__ import annotations

from pathlib import Path

from runtime.settings import Settings


def sign_of_life(chosen: Settings, name: str) -> Path:
    """The file that a process touches each time it has looked; its age says when that was."""
    return chosen.home / f"{name}.alive"


def held_back(chosen: Settings) -> Path:
    """The file that says why the live job may not begin, and what lets it; there is none if it may."""
    return chosen.home / "live.held-back"
