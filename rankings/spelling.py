"""The ways in which a payload may spell a text, as regular expressions that Java, RE2 and Python read alike.

What the contract refuses has not gone through its parser, and may be no JSON at all: so an id is looked for in the
payload as it came, with every escape that JSON has, composed or not, and with the space around that the contract trims.
"""

from __future__ import annotations

import re
import unicodedata

from rankings.contract import TRIMMED

_SPACE = r"(?:[ \t\r\n]|\\+[trn]|\\+u00(?:20|09|0[aAdD]))*"
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


def in_json(text: str, field: str) -> str:
    r"""A pattern that finds a text where it is a whole string of JSON, or as the number in a field.

    A string of JSON may hold JSON itself, whose quotes and escapes have backslashes of their own.

    >>> found = re.compile(in_json("Jürgen/7", "salesman_id"))
    >>> [bool(found.search(each)) for each in (r'["J\u00FCrgen\/7"]', r'"{\"by\": \" Jürgen\/7\"}"', '"Jürgen/77"')]
    [True, True, False]
    """
    patterns = [rf'"{_SPACE}{_spelled(text)}{_SPACE}\\?"']
    if _WHOLE_NUMBER.fullmatch(text):
        patterns.append(rf'{field}\\?"[ \t\r\n]*:[ \t\r\n]*{re.escape(text)}(?:[ \t\r\n,}}]|$)')
    return "|".join(patterns)


def alone(text: str) -> str:
    """A pattern that finds a text where it stands alone and without escapes, as a parser of JSON gives it.

    >>> [bool(re.search(alone("7"), each)) for each in (" 7", "77")]
    [True, False]
    """
    forms = "|".join(map(re.escape, _forms(text)))
    return rf"^[ \t\r\n]*(?:{forms})[ \t\r\n]*$"


def _spelled(text: str) -> str:
    forms = ("".join(map(_character, form)) for form in _forms(text))
    return f"(?:{'|'.join(forms)})"


def _forms(text: str) -> list[str]:
    """As it is, composed and decomposed; the contract takes them for the same."""
    trimmed = text.strip(TRIMMED)
    return list(dict.fromkeys([trimmed, *(unicodedata.normalize(form, trimmed) for form in ("NFC", "NFD"))]))


def _character(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    escaped = "".join(rf"\\+u{_hexadecimal(units[at : at + 2].hex())}" for at in range(0, len(units), 2))
    ways = [escaped] if character in '"\\' else [re.escape(character), escaped]
    if character in '"\\/':
        ways.append(rf"\\+{re.escape(character)}")
    return f"(?:{'|'.join(ways)})"


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
