"""Characters as bytes: UTF-8, and the inside of JSON strings."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["SHORT_ESCAPES", "ByteWriter"]

SHORT_ESCAPES = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 0x22: '"', 0x5C: "\\"}
"""The characters that JSON writes with a backslash and one letter."""

# Of UTF-8: the last character of each length.
_LAST = (0x7F, 0x7FF, 0xFFFF, 0x10FFFF)
# What stands in a JSON string as it is.
_RAW = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF))


class ByteWriter:
    """Adds the bytes of characters to an automaton.

    Parameters
    ----------
    state : callable
        Makes a new state.
    edge : callable
        Adds an edge: its first state, its first and last byte, its last state.
    """

    def __init__(
        self, state: Callable[[], int], edge: Callable[[int, int, int, int], None]
    ) -> None:
        self._state = state
        self._edge = edge

    def utf8(self, begin: int, low: int, high: int, end: int) -> None:
        """The UTF-8 of the characters from ``low`` to ``high``; there are no surrogates."""
        for first, last in ((0, 0xD7FF), (0xE000, 0x10FFFF)):
            at = max(low, first)
            for limit in _LAST:
                stop = min(high, last, limit)
                if at <= stop:
                    self._bytes(begin, chr(at).encode(), chr(stop).encode(), end)
                    at = stop + 1

    def json(self, begin: int, low: int, high: int, end: int) -> None:
        """The characters as a JSON string holds them, each in one way only."""
        for first, last in _RAW:
            if max(low, first) <= min(high, last):
                self.utf8(begin, max(low, first), min(high, last), end)
        for code in (*range(0x20), 0x22, 0x5C):
            if low <= code <= high:
                letter = SHORT_ESCAPES.get(code)
                text = f"\\{letter}" if letter else f"\\u{code:04x}"
                self._bytes(begin, text.encode(), text.encode(), end)

    def _bytes(self, begin: int, low: bytes, high: bytes, end: int) -> None:
        """All strings of bytes from ``low`` to ``high``, of one length."""
        if len(low) == 1:
            self._edge(begin, low[0], high[0], end)
            return
        least, most = b"\x80" * (len(low) - 1), b"\xbf" * (len(low) - 1)
        first, last = low[0], high[0]
        if first == last:
            following = self._state()
            self._edge(begin, first, first, following)
            self._bytes(following, low[1:], high[1:], end)
            return
        if low[1:] != least:
            self._bytes(begin, low, low[:1] + most, end)
            first += 1
        if high[1:] != most:
            self._bytes(begin, high[:1] + least, high, end)
            last -= 1
        if first <= last:
            following = self._state()
            self._edge(begin, first, last, following)
            self._bytes(following, least, most, end)
