"""How a reconciliation shows where it is: as a live list with bars on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


@dataclass(frozen=True, slots=True)
class Stage:
    """One of Spark's stages under way: its number, and how many of its tasks are done."""

    number: int
    done: int
    total: int


class Progress(Protocol):
    """What a reconciliation tells while it works.

    Attributes:
        shows_stages: whether it is worth asking Spark for them.
    """

    shows_stages: bool

    def start(self, step: str) -> None:
        """A step has begun."""

    def note(self, text: str) -> None:
        """Something about the step that is under way."""

    def stages(self, running: Sequence[Stage]) -> None:
        """Those of Spark's stages that are under way."""

    def done(self, text: str, seconds: float) -> None:
        """The step has ended well."""


class Quiet:
    """Shows nothing."""

    shows_stages = False

    def start(self, step: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def stages(self, running: Sequence[Stage]) -> None:
        """Nothing."""

    def done(self, text: str, seconds: float) -> None:
        """Nothing."""


class Lines:
    """One line for each step that has ended, and one for each note."""

    shows_stages = False

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

    def stages(self, running: Sequence[Stage]) -> None:
        """Says nothing: lines stay."""

    def done(self, text: str, seconds: float) -> None:
        """Says how it went."""
        self._console.print(f"{self._step}: {text} ({seconds:.1f} s)", markup=False)


STAGE = "  stage "
"""What the row of a stage begins with."""


class Terminal:
    """One row a step, with a spinner in front of the one that is under way, and a bar below it for each stage."""

    shows_stages = True

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Rows

        class BarOfStage(BarColumn):
            """A step has no bar: nobody knows how much of it is done."""

            def render(self, task: Task) -> Any:
                return super().render(task) if task.description.startswith(STAGE) else ""

        self._rows = Rows(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<12}", markup=False),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", style="dim", markup=False),
            BarOfStage(bar_width=20),
            console=console,
        )
        self._step: TaskID | None = None
        self._stages: dict[int, TaskID] = {}
        # Stages are told by a thread of their own.
        self._lock = threading.Lock()

    def __enter__(self) -> Terminal:
        self._rows.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.stop()

    def start(self, step: str) -> None:
        """Adds a row."""
        with self._lock:
            self._step = self._rows.add_task(step, total=1, text="")

    def note(self, text: str) -> None:
        """Changes the text of the step's row."""
        if self._step is not None:
            self._rows.update(self._step, text=text)

    def stages(self, running: Sequence[Stage]) -> None:
        """Shows a bar for each of them, and takes away those of the others."""
        with self._lock:
            for number in self._stages.keys() - {stage.number for stage in running}:
                self._rows.remove_task(self._stages.pop(number))
            for stage in running:
                text = f"{stage.done}/{stage.total} tasks"
                if stage.number in self._stages:
                    self._rows.update(self._stages[stage.number], completed=stage.done, text=text)
                else:
                    row = self._rows.add_task(f"{STAGE}{stage.number}", total=stage.total, text=text)
                    self._rows.update(row, completed=stage.done)
                    self._stages[stage.number] = row

    def done(self, text: str, seconds: float) -> None:
        """Ends the step's row."""
        self.stages(())
        if self._step is not None:
            self._rows.update(self._step, text=text, completed=1)


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
