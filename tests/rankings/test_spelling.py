"""An id is found in a payload however JSON lets it be spelled, and no other id is taken for it."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankings.spelling import alone, in_json

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(
    lambda text: text.strip(" ") != ""
)


def found(text: str, payload: str, field: str = "salesman_id") -> bool:
    """Whether the pattern of a text finds it."""
    return re.search(in_json(text, field), payload) is not None


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """One of the ways in which JSON may hold a text."""
    told = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), text)
    ways = []
    for each in told:
        units = each.encode("utf-16-be")
        digits = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
        escaped = "".join(f"\\u{draw(st.sampled_from([unit, unit.upper()]))}" for unit in digits)
        short = [f"\\{each}"] if each in '"\\/' else []
        plain = [each] if each not in '"\\' else []
        ways.append(draw(st.sampled_from([*plain, *short, escaped])))
    space = st.sampled_from(["", " ", "\\t", "\\u000A", "\n"])
    return f'"{draw(space)}{"".join(ways)}{draw(space)}"'


@given(st.data(), IDS)
def test_every_spelling_of_an_id_is_found(data: st.DataObject, text: str) -> None:
    payload = data.draw(spelled(text))
    assert found(text, payload)
    assert found(text, f'{{"source": "till", "of": {payload}')
    assert found(text, json.dumps(f'{{"of": {payload}}}'))
    assert found(text, json.dumps(f'{{"of": {payload}}}', ensure_ascii=False))
    assert re.search(alone(text), json.loads(payload, strict=False))


@given(IDS, IDS)
def test_another_id_is_not_found(text: str, other: str) -> None:
    asked = text.strip(" ")
    same = other.strip(" ") in {asked, *(unicodedata.normalize(form, asked) for form in ("NFC", "NFD"))}
    assert (re.search(alone(text), other) is not None) == same
    if '"' not in other and "\\" not in other:
        for plain in (False, True):
            assert found(text, json.dumps({"of": other}, ensure_ascii=plain)) == (same or asked == "of")


@pytest.mark.parametrize(
    ("payload", "is_found"),
    [
        ('{"salesman_id": 17, "amount": 1}', True),
        ('{"salesman_id":17}', True),
        ('{"salesman_id" : 17', True),
        ('"{\\"salesman_id\\": 17}"', True),
        ('{"salesman_id": "17"}', True),
        ('{"salesman_id": 170}', False),
        ('{"salesman_id": 17.5}', False),
        ('{"amount": 17}', False),
    ],
)
def test_a_number_is_an_id_only_in_its_field(payload: str, is_found: bool) -> None:
    assert found("17", payload) is is_found


@pytest.mark.parametrize(
    "payload", ['"p17"', '"p11"', '"xp1"', '"p1 2"', '"p-1"', "p1", '"\\u0070\\u0031\\u0031"', '"P1"', '"p1\\\\"']
)
def test_what_only_contains_an_id_is_another(payload: str) -> None:
    assert not found("p1", payload)
