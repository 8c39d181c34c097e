"""What the demo plays on: the running stack, the shop, the API, and the terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console
from rich.rule import Rule

from runtime.demo.answers import Answers
from runtime.settings import Settings, settings
from stack import control
from stack.commands import start_detached
from stack.shop.simulator import Shop


@dataclass
class Stage:
    """Everything that a scene needs.

    Attributes:
        console: where the demo is shown.
        chosen: the settings, with the addresses of the running stack.
        shop: the operational database's only writer.
        answers: the API as a caller has it.
    """

    console: Console
    chosen: Settings
    shop: Shop
    answers: Answers
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        self.zone = ZoneInfo(self.chosen.business_time_zone)

    def title(self, text: str) -> None:
        """Begins a scene."""
        self.console.print(Rule(text, align="left", style="cyan"))

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False)

    def wait_for_ctrl_c(self) -> None:
        """Stays until Ctrl-C or SIGTERM."""
        self.say(
            "\nThe stack stays up. [bold]Ctrl-C[/bold] stops it; nothing is lost, `tidelake up` goes on from there."
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            self.say("")


@contextmanager
def on_stage() -> Iterator[Stage]:
    """The stage with a stack on it: the one that is up, or one started here and stopped at the end."""
    console = Console(highlight=False)
    started = _ensure_stack(console)
    settings.cache_clear()
    chosen = settings()
    try:
        with Shop(chosen.source_dsn.get_secret_value()) as shop, _http(chosen) as http:
            yield Stage(console, chosen, shop, Answers(http))
    finally:
        if started:
            console.print("stopping the stack ...")
            control.stop()


def _ensure_stack(console: Console) -> bool:
    """Whether the stack was started here."""
    console.print(Rule("The real servers, on this machine", align="left", style="cyan"))
    if control.status(with_memory=False).state == "ready":
        console.print("a stack is up already: the demo uses it")
        return False
    start_detached()
    return True


def _http(chosen: Settings) -> httpx.Client:
    key = chosen.api_key_file.read_text().strip()
    return httpx.Client(base_url=chosen.api, headers={"Authorization": f"Bearer {key}"}, timeout=30)
