"""A fault is an error of its own kind: to be tried again, to be mended, or no error, by its code and the definition."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.errors import Permanent, Retryable, TidelakeError
from streaming.sources.soap.faults import PermanentFault, RetryableFault
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import SOAP_12, Peer, Said, enveloped
from tests.sources.soap.till import Till, fault


def old(code: str, detail: str = "") -> Said:
    inner = f"<s:Fault><faultcode>{code}</faultcode><faultstring>no  luck</faultstring>{detail}</s:Fault>"
    return Said(enveloped(inner), status=500)


def new(code: str, *subcodes: str) -> Said:
    nested = ""
    for each in reversed(subcodes):
        nested = f"<s:Subcode><s:Value>x:{each}</s:Value>{nested}</s:Subcode>"
    reason = '<s:Reason><s:Text xml:lang="en">no luck</s:Text></s:Reason>'
    inner = f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{nested}</s:Code>{reason}</s:Fault>"
    return Said(enveloped(inner, soap=SOAP_12), "application/soap+xml", status=500)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (old("s:Server"), RetryableFault),
        (old("s:Server.Busy"), RetryableFault),
        (old("s:Client"), PermanentFault),
        (old("s:Client.BadRange"), PermanentFault),
        (old("s:VersionMismatch"), PermanentFault),
        (old("s:MustUnderstand"), PermanentFault),
        (old("w:FailedAuthentication"), PermanentFault),
        (old("w:MessageExpired"), RetryableFault),
        (old("x:Whatever"), RetryableFault),
        (new("Receiver"), RetryableFault),
        (new("Sender"), PermanentFault),
        (new("Sender", "EndpointUnavailable"), RetryableFault),
        (new("Receiver", "FailedCheck"), PermanentFault),
    ],
)
def test_what_a_code_means(ledger: Peer, read: Read, said: Said, error: type[TidelakeError]) -> None:
    ledger.say = lambda _: said
    with pytest.raises(error, match="no luck"):
        read(ledger.source(soap="1.2" if "application" in said.content_type else "1.1"))


def test_a_fault_tells_all_it_has(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: old("s:Client.BadRange", "<detail><e><from>7</from><why>too old</why></e></detail>")
    with pytest.raises(PermanentFault) as raised:
        read(ledger.source())
    assert raised.value.told.codes == ("Client.BadRange",)
    assert raised.value.told.detail == "from: 7; why: too old"
    assert "Client.BadRange: no luck: from: 7; why: too old" in str(raised.value)


def test_nested_codes_the_most_specific_first(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: new("Sender", "Quota", "PerDay")
    with pytest.raises(PermanentFault) as raised:
        read(ledger.source(soap="1.2"))
    assert raised.value.told.codes == ("PerDay", "Quota", "Sender")


@pytest.mark.parametrize(
    ("rules", "said", "error"),
    [
        ([{"code": "Client.Busy", "then": "retry"}], old("s:Client.Busy"), RetryableFault),
        ([{"code": "Client.Busy", "then": "retry"}], old("s:Client.Busybody"), PermanentFault),
        ([{"code": "Quota", "then": "retry"}], new("Sender", "Quota"), RetryableFault),
        (
            [{"code": "Server.Fatal", "then": "stop"}, {"code": "*", "then": "retry"}],
            old("Server.Fatal"),
            PermanentFault,
        ),
        ([{"code": "Server.Fatal", "then": "stop"}, {"code": "*", "then": "retry"}], old("Client"), RetryableFault),
    ],
)
def test_the_definition_goes_first(
    ledger: Peer, read: Read, rules: list[dict[str, str]], said: Said, error: type[TidelakeError]
) -> None:
    ledger.say = lambda _: said
    with pytest.raises(error):
        read(ledger.source(faults=rules, soap="1.2" if "application" in said.content_type else "1.1"))


def test_a_fault_can_mean_that_there_is_nothing(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: old("x:NoData")
    assert read(ledger.source(faults=[{"code": "NoData", "then": "empty"}])) == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(b"", status=503, headers={"Retry-After": "7"}), Retryable),
        (Said(b"<html/>", "text/html", 502), Retryable),
        (Said(b"slow down", "text/plain", 429), Retryable),
        (Said(b"who are you", "text/plain", 401), Permanent),
        (Said(b"", status=404), Permanent),
        (Said(b"<html>We are at work here</html>", "text/html"), Retryable),
        (Said(b"<a><b></a>"), Retryable),
        (Said(b"<other/>"), Retryable),
    ],
)
def test_answers_without_an_envelope(ledger: Peer, read: Read, said: Said, error: type[TidelakeError]) -> None:
    ledger.say = lambda _: said
    with pytest.raises(error) as raised:
        read(ledger.source())
    assert type(raised.value) is error
    assert ("asked again in 7 s" in str(raised.value)) == ("Retry-After" in said.headers)
    assert getattr(raised.value, "after", 0.0) == (7.0 if "Retry-After" in said.headers else 0.0)


def test_a_service_that_is_away(ledger: Peer, read: Read) -> None:
    source = ledger.source(address="http://127.0.0.1:9/nobody")
    with pytest.raises(Retryable, match="cannot be reached"):
        read(source)


def test_a_real_services_faults(till: Till, read: Read) -> None:
    from streaming.sources.soap.definition import SoapSource

    till.sell(3)
    told: dict[str, Any] = {
        "kind": "soap",
        "name": "till",
        "wsdl": till.url,
        "operation": "fetch",
        "request": {"size": 5},
    }
    source = SoapSource.model_validate({**told, "rows": "fetchResult.Sale"})
    till.faults = [fault("Server.Busy", "later"), fault("Client.Forbidden", "never")]
    with pytest.raises(RetryableFault, match=r"Server\.Busy: later"):
        read(source)
    with pytest.raises(PermanentFault, match=r"Client\.Forbidden: never"):
        read(source)
    assert len(read(source)) == 3
