"""The ranges that keys lie in: a file of the lake whose own keys lie in none of them need not be opened."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest
from itertools import pairwise, takewhile

MOST_RANGES = 16
"""Each costs a comparison for every key that is read all the same."""

_LOOKED_AT = 8
"""How many bytes behind the keys' common beginning tell how far apart two of them are."""


def ranges(keys: Iterable[str], most: int = MOST_RANGES) -> list[tuple[str, str]]:
    """The first and the last key of each range, in order; together they hold all keys, and the widest gaps lie between.

    Shops count their sales, or put the time in front, so that a night's sales lie close together; what was told long
    ago and was changed that night lies elsewhere. Keys drawn at random make ranges that hold everything.

    >>> ranges(["b7", "a2", "b8", "a1"], most=2)
    [('a1', 'a2'), ('b7', 'b8')]
    >>> ranges(["b7", "a2"], most=1), ranges([])
    ([('a2', 'b7')], [])
    """
    # The order of code points is that of UTF-8's bytes, by which the lake's files tell their first and last key.
    known = sorted(set(keys))
    if not known:
        return []
    first, last = known[0].encode(), known[-1].encode()
    begin = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    places = [int.from_bytes(key.encode()[begin : begin + _LOOKED_AT].ljust(_LOOKED_AT, b"\0")) for key in known]
    gaps = [(after - before, index) for index, (before, after) in enumerate(pairwise(places), 1)]
    splits = sorted(index for _, index in nlargest(most - 1, gaps))
    return [(known[start], known[end - 1]) for start, end in pairwise([0, *splits, len(known)])]
