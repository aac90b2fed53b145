"""Bytes in, text out: whole characters only, and nothing that may belong to a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence

from .errors import ArgumentError


class TextStream:
    r"""The text of an answer as its bytes arrive.

    Bytes are held back while a character is incomplete or while they may be the beginning of a
    stop string; invalid bytes become U+FFFD. Stop strings are found wherever the cuts between
    tokens fall.

    Parameters
    ----------
    stop : sequence of str
        Strings that end the text. The text ends before the first one found.
    may_end : callable, optional
        Whether the text may end after so many bytes; where it may not, a stop string is text like
        any other.

    Raises
    ------
    ArgumentError
        If a stop string is empty or not a string.

    Examples
    --------
    >>> stream = TextStream(stop=["\n\n"])
    >>> stream.push(b"caf\xc3"), stream.push(b"\xa9\n")
    ('caf', 'é')
    >>> stream.push(b"\nmore"), stream.stopped, stream.text
    ('', True, 'café')
    """

    def __init__(
        self, stop: Sequence[str] = (), may_end: Callable[[int], bool] | None = None
    ) -> None:
        if isinstance(stop, str):
            raise ArgumentError(
                f"stop is {stop!r}; it must be a list of strings, such as [{stop!r}]."
            )
        for text in stop:
            if not isinstance(text, str) or not text:
                raise ArgumentError(f"stop holds {text!r}; every stop string must be a text.")
        self.stopped = False
        """A stop string has been found."""
        self.text = ""
        """Everything released so far."""
        self._stops = [text.encode("utf-8", "replace") for text in stop]
        self._prefixes = {text[:n] for text in self._stops for n in range(1, len(text))}
        self._longest = max(map(len, self._stops), default=1) - 1
        self._held = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._released = 0
        self._may_end = may_end

    @property
    def n_bytes(self) -> int:
        """How many of the bytes pushed have become text."""
        return self._released - len(self._decoder.getstate()[0])

    def push(self, piece: bytes) -> str:
        """Takes the next bytes and gives the text that can be shown now."""
        if self.stopped:
            return ""
        buffer = self._held + piece
        for at in sorted(self._found(buffer)):
            if self._may_end is None or self._may_end(self._released + at):
                self.stopped = True
                self._held = b""
                return self._release(buffer[:at], final=True)
        # Every hold is shorter than the longest stop string, so this stays linear in the text.
        for n in range(min(self._longest, len(buffer)), 0, -1):
            if buffer[-n:] in self._prefixes:
                self._held = buffer[-n:]
                return self._release(buffer[:-n])
        self._held = b""
        return self._release(buffer)

    def finish(self, *, cut: bool = False) -> str:
        """Gives what was held back: no more bytes will come.

        With ``cut`` the text ends before it is complete: what may be the beginning of a stop
        string is dropped, for nobody knows what would have followed.
        """
        held, self._held = self._held, b""
        return self._release(b"" if cut else held, final=True)

    def _found(self, buffer: bytes) -> Iterator[int]:
        """Where stop strings begin."""
        for text in self._stops:
            at = buffer.find(text)
            while at >= 0:
                yield at
                at = buffer.find(text, at + 1)

    def _release(self, piece: bytes, final: bool = False) -> str:
        text = self._decoder.decode(piece, final)
        self._released += len(piece)
        self.text += text
        return text
