"""Operator calls: nothing is done that is not in the audit log before, and its outcome after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import structlog

from runtime.errors import TidelakeError
from serving.ports import Audit, Clock, Operations, StoreFailed
from serving.records import OperatorCall


class Operators:
    """Does what operators ask for, and keeps who asked for what, and how it ended.

    Args:
        operations: does it.
        audit: keeps it.
        clock: tells the time.
    """

    def __init__(self, operations: Operations, audit: Audit, clock: Clock) -> None:
        self._operations, self._audit, self._clock = operations, audit, clock

    def publish(self, version: int, who: str, request_id: str) -> str:
        """Pins all answers to a version that was published before.

        Raises:
            StoreFailed: the audit log cannot be written; nothing was done.
            TidelakeError: it failed.
        """
        call = self._call("publications.publish", str(version), who, request_id)
        return self._audited(call, lambda: self._operations.publish(version))

    def replay(self, record_id: str, who: str, request_id: str) -> str:
        """Sends a record of the quarantine through the contract again; raises likewise."""
        call = self._call("quarantine.replay", record_id, who, request_id)
        return self._audited(call, lambda: self._operations.replay(record_id, who))

    def discard(self, record_id: str, why: str, who: str, request_id: str) -> str:
        """Closes a record of the quarantine without replaying it; raises likewise."""
        call = self._call("quarantine.discard", record_id, who, request_id)
        return self._audited(call, lambda: self._operations.discard(record_id, who, why))

    def _call(self, action: str, target: str, who: str, request_id: str) -> OperatorCall:
        return OperatorCall(self._clock(), request_id, who, action, target, "begun")

    def _audited(self, call: OperatorCall, work: Callable[[], str]) -> str:
        self._write(call)
        try:
            said = work()
        except TidelakeError as error:
            self._close(call, "failed", str(error))
            raise
        self._close(call, "done", said)
        return said

    def _close(self, call: OperatorCall, outcome: str, detail: str) -> None:
        """What was done is done: a log that is away for this one line does not make it fail."""
        try:
            self._write(replace(call, at=self._clock(), outcome=outcome, detail=detail[:1000]))
        except StoreFailed:
            structlog.get_logger().error("the audit log could not be written", action=call.action, outcome=outcome)

    def _write(self, call: OperatorCall) -> None:
        structlog.get_logger("serving.audit").info(
            "operator call", who=call.who, action=call.action, target=call.target, outcome=call.outcome
        )
        self._audit.write(call)
