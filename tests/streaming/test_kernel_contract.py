"""The kernel's contract in Java comes to the verdicts of the reference in Python, whatever the payload."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rankings.contract import KEY_RULES, SALE_RULES, Mark, Parsed, Rejected, parse
from rankings.sale import Deletion, Sale
from stack.java import java
from tests.golden import payloads
from tests.golden.payloads import with_

JAVA = Path(__file__).with_name("java")
FIELDS = [rule.field for rule in (*KEY_RULES, *SALE_RULES)]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

AS_A_WHOLE = tuple(f"payload: {beginning}" for beginning in ("not JSON", "not UTF-8", "byte ", "nested ", "the name "))
"""How the reasons begin of payloads that are no JSON object."""


Verdict = tuple[Any, ...]
Ask = Callable[[Iterable[bytes | None]], list[Verdict]]


@pytest.fixture(scope="session")
def ask(kernel: Path, compiler: Path, flink_classes: str, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """The kernel's verdicts on many payloads, by one Java process."""
    classes, class_path = tmp_path_factory.mktemp("classes"), f"{kernel}:{flink_classes}"
    sources = [str(path) for path in JAVA.rglob("*.java")]
    compile_ = [java(), "-jar", str(compiler), "-17", "-nowarn", "-d", str(classes), "-cp", class_path, *sources]
    subprocess.run(compile_, check=True)
    run = [java(), "-XX:TieredStopAtLevel=1", "-cp", f"{classes}:{class_path}", "tidelake.ReadPayloads"]

    def asked(sent: Iterable[bytes | None]) -> list[Verdict]:
        lines = "".join(f"{_encoded(each)}\n" for each in sent)
        done = subprocess.run(run, input=lines, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [_verdict(line.split("\t")) for line in done.stdout.splitlines()]

    return asked


def _encoded(payload: bytes | None) -> str:
    return "-" if payload is None else "=" + base64.b64encode(payload).decode()


def _verdict(told: list[str]) -> Verdict:
    return tuple(
        None if text == "-" else base64.b64decode(text[1:]).decode() if text[:1] == "=" else text for text in told
    )


def reference(payload: bytes | None) -> Verdict:
    """What the Python contract says, in the kernel's words."""
    return _words(parse(payload))


def _words(said: Parsed) -> Verdict:
    match said:
        case Mark():
            return ("mark",)
        case Rejected(field, reason):
            return _refusal(field, reason)
        case Deletion(source, sale_id):
            return ("deletion", source, sale_id)
        case Sale():
            return ("sale", *_sale(said))


def _sale(said: Sale) -> Iterator[object]:
    yield from (getattr(said, name) for name in FIELDS if name not in ("occurred_at", "amount"))
    yield str((said.occurred_at - EPOCH) // timedelta(microseconds=1))
    yield str(int(said.amount.scaleb(2)))


def _refusal(field: str | None, reason: str) -> Verdict:
    """Libraries word it differently where a payload is no JSON, and look at what is wrong in another order."""
    if reason.startswith(AS_A_WHOLE):
        return ("rejected", "not JSON")
    return ("rejected", field or "", reason)


def comparable(verdict: Verdict) -> Verdict:
    """The kernel's verdict without what the libraries word differently."""
    return _refusal(*verdict[1:]) if verdict[0] == "rejected" else verdict


def check(ask: Ask, sent: list[bytes | None]) -> None:
    """Fails with the first differences."""
    pairs = zip(sent, map(reference, sent), map(comparable, ask(sent)), strict=True)
    differ = [f"{each!r:.300}:\n  {said} in Python\n  {told} in Java" for each, said, told in pairs if said != told]
    assert not differ, f"{len(differ)} of {len(sent)} differ\n" + "\n".join(differ[:8])


def test_the_payloads_of_every_kind(ask: Ask) -> None:
    bad = [each.payload for each in payloads.bad()]
    good: list[bytes | None] = [each.payload for each in payloads.good()]
    check(ask, bad + good)


def numbers(size: int) -> tuple[bytes, ...]:
    """Numbers of about that many digits, of every form."""
    half = b"1" * (size // 2)
    whole, long = b"9" * size, b"1" * size
    return (
        whole,
        b"-" + whole,
        b"0." + long,
        half + b"." + half + b"1",
        b"1e" + long,
        b"1E-" + whole,
        long[4:] + b".1e1",
    )


EDGES = (
    b'{"mark": 1', b'{"mark": 1} x', b'{"mark": 1, "mark": 2}', b'{"mark": {"a": 1, "a": 2}}', b'["mark"]',
    b'{"x": {"mark": 1}}', b'{"mark": "\xff"}', b'{"\\u006dark": 1}', b'{"mark": NaN}', b'{}', b'{', b'{}{}',
    b'{"a"}', b'{"a":}', b'{,}', b'\x00', b'{}\x00', b' {} ', b'\x0b{}', b'{"a":"\x7f"}', b'{"a":"\\x"}',
    b'{"a":"\\u12"}', b'{"a":"\\u123g"}', b'{"a":tru}', b'{"a":True}', b'{"a":+1}', b'{"a":-}', b'{"a":1.}',
    b'{"a":.1}', b'{"a":1e}', b'{"a":01}', b'{"a":-0}', b'{"a":1E400}', b'"\\ud800"', b'-', b'1', b'tru', b"''",
    *(b'{"a":' + b"[" * depth + b"]" * depth + b"}" for depth in (1, 50, 98, 99, 100, 101, 500, 999, 1000, 1001, 5000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (50, 99, 100, 101, 102, 999, 1000, 1001, 5000)),
    *(b'{"a":' + each + b"}" for size in (999, 1000, 1001, 1002, 1003) for each in numbers(size)),
    *(b'{"a":"' + b"[" * depth + b'"}' for depth in (50, 200, 2000)), b"9" * 1000, b"9" * 1001,
    b"[" + b"9" * 1001 + b"]", b'{"a":"\\"[[[[{{{{"}', b'{"' + b"n" * 60_000 + b'": 1}',
)  # fmt: skip


def test_a_name_that_stands_twice_is_told(ask: Ask) -> None:
    twice = [each for each in payloads.bad() if "stands twice" in each.reason]
    told = ask([each.payload for each in twice])
    assert twice
    assert told == [("rejected", *_told(parse(each.payload))) for each in twice]


def _told(said: Parsed) -> tuple[str, str]:
    assert isinstance(said, Rejected)
    return said.field or "", said.reason


def test_edges_of_json(ask: Ask) -> None:
    merged = [with_()[:-1] + b", " + each[1:] for each in EDGES if each[:1] == b"{" and each not in (b"{", b"{}")]
    check(ask, [*EDGES, *merged])


ODD = (
    "\ud83d", "\ude00", "\ud83d\ude00", "a\ud83d", "\ude00\ud83d", "\u0000", "\u001f", "\u007f", "\u0080", "\u0085",
    "\u00a0", "\u2028", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0010ffff", "\u0308", "\u0344", "\u0958",
    "\u1e9b\u0323", "\u212b", "\uac00\u11a8", "\u1100\u1161", "\U0001d15e", "\u0f73", "q\u0323\u0307",
    "q\u0307\u0323", "\u00c5\u0301", "\ufb2a", "\u2126", "ſ", "ﬁ", "İ", "ẞ", " ", "\t", "\n", "\r", "\x0b", "\x0c",
    "\x1c", "x" * 199, "x" * 200, "x" * 201, "😀" * 200, "😀" * 201, "o\u0308" * 200, "o\u0308" * 201, "\u0958" * 100,
    "\u0958" * 101, "1", "-", ".", "0", "Z", "T", "'", '"', "\\", "/", "…",
)  # fmt: skip
"""Text that engines read differently, if they do."""


def test_odd_text_in_every_field(ask: Ask) -> None:
    draw = random.Random("odd text")
    texts = [*ODD, *("".join(draw.choices(ODD, k=draw.randint(2, 4))) for _ in range(300))]
    sent: list[bytes | None] = []
    for text in texts:
        for name in draw.sample([*FIELDS, "deleted", "__deleted", text], 3):
            told = json.loads(with_()) | {name: text}
            sent.append(json.dumps(told).encode())
            sent.append(json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    check(ask, sent)


VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, -1.5, 1e300, "", "true", "false", "True", [], {}, [1], {"a": 1}, "EUR", "0.10", "-0",
    "00.1", "1.", "10.00 ", "2026-02-30T00:00:00Z", "2024-02-29T23:59:59.999999999Z", "2026-01-01T00:00:00.0Z", "x",
    " x ", "\u00a0",
)  # fmt: skip


def test_values_of_every_kind_in_every_field(ask: Ask) -> None:
    names = [*FIELDS, "deleted", "__deleted", "mark", "Amount", "x"]
    check(ask, [with_(**{name: value}) for name in names for value in VALUES])


def test_several_fields_at_once(ask: Ask) -> None:
    draw = random.Random("several fields")
    names = [*FIELDS, "deleted", "__deleted", "mark"]
    sent: list[bytes | None] = []
    for _ in range(2000):
        wrong = {name: draw.choice([*VALUES, ...]) for name in draw.sample(names, draw.randint(1, 4))}
        sent.append(with_(**wrong))
    check(ask, sent)


def test_damaged_payloads(ask: Ask) -> None:
    draw = random.Random("damaged")
    check(ask, [damaged(draw) for _ in range(4000)])


def damaged(draw: random.Random) -> bytes:
    """A payload with some bytes changed, cut out, doubled or put in."""
    payload = bytearray(with_(city=draw.choice(["Köln", "東京", "😀", "Rio"]), x=[1, {"y": None}]))
    for _ in range(draw.randint(1, 3)):
        start, size = draw.randrange(len(payload)), draw.randint(0, 4)
        piece = payload[start : start + size]
        other = bytes(draw.choices(b'{}[]",:\\eE+-.0123 \n\x00\x7f\x80\xc3\xf0\xffntu', k=draw.randint(0, 3)))
        payload[start : start + size] = draw.choice([other, piece * 2, b"", bytes([draw.randrange(256)])])
    return bytes(payload)


def test_amounts_in_cents(ask: Ask) -> None:
    draw = random.Random("amounts")
    amounts = [f"{draw.choice(['', '-'])}{draw.randrange(10 ** draw.randint(1, 16))}" for _ in range(300)]
    amounts = [f"{each}{draw.choice(['', f'.{draw.randrange(10)}', f'.{draw.randrange(100):02}'])}" for each in amounts]
    check(ask, [with_(amount=each) for each in [*amounts, "-0", "-0.0", "-0.05", "0" * 16]])
