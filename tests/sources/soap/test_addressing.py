"""WS-Addressing: a question has an id of its own, which stays the same when it is asked again after a failure; an
answer to another question is refused."""

from __future__ import annotations

import pytest

from runtime.errors import Retryable
from tests.sources.soap.conftest import Read
from tests.sources.soap.peer import ORDER, Asked, Peer, Said, envelope

WSA = "http://www.w3.org/2005/08/addressing"
WSDL_ACTION = b'<input message="tns:ListSalesIn" wsaw:Action="urn:by-wsdl" xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl"/>'


def told(asked: Asked, name: str) -> list[str]:
    return [each.text for each in asked.envelope.findall(f"{{*}}Header/{{{WSA}}}{name}")]


def relating(asked: Asked, to: str = "") -> Said:
    header = f'<RelatesTo xmlns="{WSA}">{to or told(asked, "MessageID")[0]}</RelatesTo>'
    return Said(envelope(ORDER.format(id=1), header=header))


def test_the_headers_of_a_request(ledger: Peer, read: Read) -> None:
    ledger.say = relating
    assert read(ledger.source(addressing={"required": True}))
    (post,) = ledger.posts
    assert told(post, "Action") == ["urn:ledger/ListSales"]
    assert told(post, "To") == [f"{ledger.root}/service"]
    assert told(post, "MessageID")[0].startswith("urn:uuid:")
    assert post.envelope.findtext(f".//{{{WSA}}}ReplyTo/{{{WSA}}}Address") == f"{WSA}/anonymous"


def test_the_definition_goes_before_the_wsdl(ledger: Peer, read: Read) -> None:
    read(ledger.source(addressing={"action": "urn:other", "to": "urn:ledger:eu"}))
    assert (told(ledger.posts[0], "Action"), told(ledger.posts[0], "To")) == (["urn:other"], ["urn:ledger:eu"])


def test_the_wsdl_switches_it_on(ledger: Peer, read: Read) -> None:
    path = "/parts/messages.wsdl"
    old = ledger.documents[path].body
    ledger.documents[path] = Said(old.replace(b'<input message="tns:ListSalesIn"/>', WSDL_ACTION))
    read(ledger.source())
    assert told(ledger.posts[0], "Action") == ["urn:by-wsdl"]
    assert len(told(ledger.posts[0], "MessageID")) == 1


def test_a_question_keeps_its_id_when_it_is_asked_again(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: Said(b"", status=503)
    memory: dict[str, object] = {}
    for _ in range(2):
        with pytest.raises(Retryable):
            read(ledger.source(addressing={}), memory)
    ledger.say = relating
    read(ledger.source(addressing={}), memory)
    read(ledger.source(addressing={}), memory)
    first, again, answered, later = (told(post, "MessageID")[0] for post in ledger.posts)
    assert first == again == answered != later


def test_an_answer_to_another_question_is_refused(ledger: Peer, read: Read) -> None:
    ledger.say = lambda asked: relating(asked, "urn:uuid:another")
    with pytest.raises(Retryable, match="belongs to another request"):
        read(ledger.source(addressing={}))


def test_an_answer_has_to_tell_its_question_if_the_definition_wants_it(ledger: Peer, read: Read) -> None:
    ledger.say = lambda _: Said(envelope(ORDER.format(id=1)))
    assert read(ledger.source(addressing={}))
    with pytest.raises(Retryable, match="does not tell which request"):
        read(ledger.source(addressing={"required": True}))
