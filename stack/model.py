"""What the stack is made of: services that keep running, and steps that are done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Callable[[], None]
StopSignal = Literal["TERM", "INT"]


class HeldBack(Exception):  # noqa: N818  (nothing is wrong with the server)
    """A server runs, but can't work before an operator has done something; what needs it does not wait for that."""


def nothing() -> None:
    """The action of those who have nothing to do."""


@dataclass(frozen=True)
class Service:
    """A server process that the supervisor starts, watches, and starts again when it ends.

    Args:
        name: its name in commands, logs and the state file.
        command: program and arguments.
        ready: returns when the server answers; raises whatever tells why it does not yet, and HeldBack where it waits
            for an operator.
        version: of the server, shown by `tidelake status`.
        address: where it answers, shown by `tidelake status`; without passwords.
        needs: names of services and steps that must be ready before it starts.
        carries: names of services that are of no use without the process that ended: they start anew when it does.
        env: variables added to its environment.
        prepare: done before every start: folders and configuration files.
        tend: done every few seconds while it runs; raises if the server is not healthy.
        tend_after: names of services and steps that must have been ready before that: what it looks at is their making.
        stop_signal: asks the server to end.
        grace_seconds: how long it may take to end before it is ended by force.
        ready_seconds: how long a start may take.
    """

    name: str
    command: tuple[str, ...]
    ready: Action
    version: str
    address: str
    needs: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Action = nothing
    tend: Action = nothing
    tend_after: tuple[str, ...] = ()
    stop_signal: StopSignal = "TERM"
    grace_seconds: float = 15.0
    ready_seconds: float = 120.0


@dataclass(frozen=True)
class Step:
    """An action done at every start of the stack; doing it again changes nothing.

    Args:
        name: its name in commands and the state file.
        action: raises Retryable if a later attempt can succeed.
        needs: names of services and steps that must be ready before it.
        attempt_seconds: how long attempts go on.
    """

    name: str
    action: Action
    needs: tuple[str, ...] = ()
    attempt_seconds: float = 60.0


Part = Service | Step
