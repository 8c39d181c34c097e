"""What is compressed is inflated a small piece at a time, so that a bomb is noticed before it takes memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 64 * 1024
"""Most bytes that are inflated at a time."""

GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Inflater:
    """Inflates gzip (of several members too) or zlib's own form. Every method raises zlib.error where it is neither."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP_OR_ZLIB)
        self._begun = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What a chunk of the compressed bytes holds."""
        self._begun = self._begun or bool(chunk)
        left = chunk
        while True:
            if self._member.eof:
                if not left:
                    return
                self._member = zlib.decompressobj(GZIP_OR_ZLIB)
            piece = self._member.decompress(left, PIECE)
            left = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if piece:
                yield piece
            # Without input it still gives what did not fit into the piece before.
            elif not left and not self._member.eof:
                return

    def end(self) -> None:
        """To be called behind the last chunk."""
        if self._begun and not self._member.eof:
            raise zlib.error("it ends in its middle")
