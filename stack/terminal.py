"""The progress view of `tidelake up`: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

import typer
from rich.console import Console
from rich.live import Live

from runtime.settings import settings
from stack.board import Board, Row
from stack.control import Status
from stack.process import memory_bytes
from stack.supervisor import print_change
from stack.view import mebibytes, reasons, table

MEMORY_SECONDS = 2.0


class StartView:
    """Shows how the stack starts."""

    def __init__(self) -> None:
        self._console = Console()
        self._live = Live(console=self._console, refresh_per_second=5, transient=True)
        self._tty = self._console.is_terminal
        self._memory: dict[str, int] = {}
        self._measured = 0.0
        self._states: dict[str, str] = {}
        self._began = time.monotonic()
        self.on_change: Callable[[Row], None] = self._ignore if self._tty else print_change

    def __enter__(self) -> StartView:
        if self._tty:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    @staticmethod
    def _ignore(row: Row) -> None:
        """The live table shows the change."""

    def listener(self, row: Row) -> None:
        """Takes every change of a board."""
        self.on_change(row)

    def show_board(self, board: Board) -> None:
        """Takes the board of this process, several times a second."""
        self._show(board.rows())

    def show_status(self, status: Status) -> None:
        """Takes the state of a detached stack, several times a second; tells changes where there is no live table."""
        for row in status.rows:
            if not self._tty and self._states.get(row.name, "waiting") != row.state:
                print_change(row)
            self._states[row.name] = row.state
        self._show(status.rows)

    def _show(self, rows: Iterable[Row]) -> None:
        if not self._tty:
            return
        if time.monotonic() - self._measured > MEMORY_SECONDS:
            self._memory = _memory(rows)
            self._measured = time.monotonic()
        self._live.update(table(rows, self._memory, full=False))

    def finish(self, rows: Sequence[Row]) -> None:
        """Leaves the final state and the addresses on the screen; from then on, changes are told as lines."""
        self._live.stop()
        memory = _memory(rows)
        if self._tty:
            self._console.print(table(rows, memory, full=False))
        state = "up, but not healthy," if any(row.state != "ready" for row in rows) else "ready"
        typer.echo(f"{state} after {time.monotonic() - self._began:.0f} s, {mebibytes(sum(memory.values()))}")
        for reason in reasons(rows):
            typer.echo(reason)
        typer.echo(f"the API answers at {settings().api}, Flink's Dashboard at {settings().flink}")
        self.on_change = print_change

    def fail(self, text: str) -> None:
        """Ends the view with the reason of a failure."""
        self._live.stop()
        typer.echo(text, err=True)


def _memory(rows: Iterable[Row]) -> dict[str, int]:
    return {row.name: memory_bytes(row.guard) for row in rows if row.guard}
