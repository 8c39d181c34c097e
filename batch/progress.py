"""How a reconciliation shows where it is: as a live list on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class Progress(Protocol):
    """What a reconciliation tells while it works."""

    def start(self, step: str) -> None:
        """A step has begun."""

    def note(self, text: str) -> None:
        """Something about the step that is under way."""

    def tasks(self, done: int, total: int) -> None:
        """How many of Spark's tasks under way are done."""

    def done(self, text: str, seconds: float) -> None:
        """The step has ended well."""


class Quiet:
    """Shows nothing."""

    def start(self, step: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def tasks(self, done: int, total: int) -> None:
        """Nothing."""

    def done(self, text: str, seconds: float) -> None:
        """Nothing."""


class Lines:
    """One line for each step that has ended, and one for each note."""

    def __init__(self, console: Console) -> None:
        self._console, self._step, self._last = console, "", ""

    def start(self, step: str) -> None:
        """Remembers the name."""
        self._step = step

    def note(self, text: str) -> None:
        """Says it, unless it was said last."""
        if text != self._last:
            self._console.print(f"{self._step}: {text}", markup=False)
        self._last = text

    def tasks(self, done: int, total: int) -> None:
        """Says nothing: lines stay."""

    def done(self, text: str, seconds: float) -> None:
        """Says how it went."""
        self._console.print(f"{self._step}: {text} ({seconds:.1f} s)", markup=False)


class Terminal:
    """One row a step, with a spinner in front of the one that is under way."""

    def __init__(self, console: Console) -> None:
        from rich.progress import Progress as Rows
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        self._rows = Rows(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<12}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[done]}", style="cyan", markup=False),
            TextColumn("{task.fields[text]}", style="dim", markup=False),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Terminal:
        self._rows.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.stop()

    def start(self, step: str) -> None:
        """Adds a row."""
        self._task = self._rows.add_task(step, total=1, text="", done="")

    def note(self, text: str) -> None:
        """Changes the text of the last row."""
        if self._task is not None:
            self._rows.update(self._task, text=text)

    def tasks(self, done: int, total: int) -> None:
        """Shows them in the last row."""
        if self._task is not None:
            self._rows.update(self._task, done=f"{done}/{total} tasks" if total else "")

    def done(self, text: str, seconds: float) -> None:
        """Ends the last row."""
        if self._task is not None:
            self._rows.update(self._task, text=text, completed=1, done="")


@contextmanager
def shown(console: Console) -> Iterator[Progress]:
    """The view that fits the console."""
    if console.is_terminal:
        with Terminal(console) as view:
            yield view
    else:
        yield Lines(console)


class Stopwatch:
    """Runs named steps, tells the progress, and keeps how long each took, in seconds."""

    def __init__(self, progress: Progress, seconds: dict[str, float]) -> None:
        self.progress, self.seconds = progress, seconds
        self._text = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times the block; what `result` was last told in it is shown at its end."""
        began, self._text = time.monotonic(), ""
        self.progress.start(name)
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)
        self.progress.done(self._text, self.seconds[name])

    def result(self, text: str) -> None:
        """What the step that is under way has come to."""
        self._text = text
