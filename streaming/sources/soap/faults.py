"""SOAP faults as errors: to be tried again, to be mended by a person, or no error at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runtime.errors import Permanent, Retryable
from streaming.sources.soap.wire import FaultRule
from streaming.sources.soap.xml import local

DETAIL_SHOWN = 500

DEFAULTS: tuple[FaultRule, ...] = (
    FaultRule(code="MessageExpired", then="retry"),
    FaultRule(code="EndpointUnavailable", then="retry"),
    FaultRule(code="DestinationUnreachable", then="retry"),
    FaultRule(code="FailedAuthentication", then="stop"),
    FaultRule(code="FailedCheck", then="stop"),
    FaultRule(code="InvalidSecurity", then="stop"),
    FaultRule(code="InvalidSecurityToken", then="stop"),
    FaultRule(code="SecurityTokenUnavailable", then="stop"),
    FaultRule(code="UnsupportedSecurityToken", then="stop"),
    FaultRule(code="UnsupportedAlgorithm", then="stop"),
    FaultRule(code="ActionNotSupported", then="stop"),
    FaultRule(code="InvalidAddressingHeader", then="stop"),
    FaultRule(code="MessageAddressingHeaderRequired", then="stop"),
    FaultRule(code="VersionMismatch", then="stop"),
    FaultRule(code="MustUnderstand", then="stop"),
    FaultRule(code="DataEncodingUnknown", then="stop"),
    FaultRule(code="Client", then="stop"),
    FaultRule(code="Sender", then="stop"),
    FaultRule(code="*", then="retry"),
)
"""What codes mean where the definition does not say: SOAP's, WS-Security's and WS-Addressing's own, then all others."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a fault tells.

    Attributes:
        codes: local names, the most specific first.
        reason: for people.
        detail: what its detail holds, as text.
    """

    codes: tuple[str, ...]
    reason: str
    detail: str


class RetryableFault(Retryable):
    """A fault after which the same question can be answered later."""

    def __init__(self, told: Told) -> None:
        self.told = told
        super().__init__("the service answered with a fault", received=_shown(told))


class PermanentFault(Permanent):
    """A fault that the same question meets each time."""

    def __init__(self, told: Told) -> None:
        self.told = told
        super().__init__(
            "the service answered with a fault",
            received=_shown(told),
            todo="mend the request, or say under `faults` what this code means",
        )


class EmptyAnswer(Exception):  # noqa: N818 - a fault that the definition takes for no error
    """A fault by which a service says that it has nothing."""


def told_by(fault: Any) -> Told:
    """What a fault element of SOAP 1.1 or 1.2 tells."""
    codes = [each.text or "" for each in fault.iter() if local(each.tag) == "Value" and _of_code(each)]
    old = fault.find("faultcode")
    if old is not None:
        codes.append(old.text or "")
    texts = ("faultstring", "{*}Reason/{*}Text")
    reason = next((found for path in texts if (found := fault.findtext(path))), "")
    return Told(
        codes=tuple(code.strip().rpartition(":")[2] for code in reversed(codes)),
        reason=" ".join(reason.split())[:DETAIL_SHOWN],
        detail=_detail(fault),
    )


def _of_code(value: Any) -> bool:
    return local(value.getparent().tag) in ("Code", "Subcode")


def _detail(fault: Any) -> str:
    """The texts of the detail, each with its element's name."""
    found = next((each for each in fault if local(each.tag) in ("detail", "Detail")), None)
    texts = [] if found is None else [f"{local(each.tag)}: {each.text.strip()}" for each in found.iter() if _says(each)]
    return "; ".join(texts)[:DETAIL_SHOWN]


def _says(element: Any) -> bool:
    return bool(element.text and element.text.strip())


def error_for(told: Told, rules: Sequence[FaultRule]) -> Exception:
    """The error that a fault is, by the definition's rules and then by those that hold everywhere."""
    for rule in (*rules, *DEFAULTS):
        if any(_fits(rule.code, code) for code in told.codes) or rule.code == "*":
            return {"retry": RetryableFault, "stop": PermanentFault, "empty": _empty}[rule.then](told)
    raise AssertionError("the last rule fits all")


def _empty(told: Told) -> EmptyAnswer:
    return EmptyAnswer(_shown(told))


def _fits(rule: str, code: str) -> bool:
    return code == rule or code.startswith(f"{rule}.")


def _shown(told: Told) -> str:
    parts = (" < ".join(told.codes) or "no code", told.reason, told.detail)
    return ": ".join(part for part in parts if part)
