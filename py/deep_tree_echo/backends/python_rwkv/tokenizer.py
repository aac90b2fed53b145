"""Text to tokens and back, as libecho does it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from ...errors import ArgumentError

_LINE = re.compile(rb"(\d{1,9}) (b?(?:'.*'|\".*\")) (\d{1,9})\s*")


class Tokenizer(Protocol):
    """Text to tokens and back."""

    def encode(self, text: bytes) -> list[int]:
        """The tokens of any bytes."""

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; unknown ones have none."""


class ByteTokenizer:
    """One token a byte: id = byte + offset.

    Examples
    --------
    >>> ByteTokenizer(1).encode(b"hi"), ByteTokenizer(1).decode([105, 0, 106])
    ([105, 106], b'hi')
    """

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def encode(self, text: bytes) -> list[int]:
        """The tokens of any bytes."""
        return [byte + self._offset for byte in text]

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; those outside the byte range have none."""
        shifted = (token - self._offset for token in tokens)
        return bytes(byte for byte in shifted if 0 <= byte <= 255)


class WorldTokenizer:
    """The RWKV World tokenizer: greedy longest match.

    Parameters
    ----------
    vocabulary : bytes or mapping of int to bytes
        Lines ``id 'token' length``, the token a Python literal, the length in bytes; UTF-8. Or
        the tokens by id.

    Raises
    ------
    ArgumentError
        If a line is no such line, a token or an id comes twice, or a byte has no token.
    """

    def __init__(self, vocabulary: bytes | Mapping[int, bytes]) -> None:
        self._tokens: dict[int, bytes] = {}
        if isinstance(vocabulary, bytes):
            for number, line in enumerate(vocabulary.split(b"\n"), 1):
                if line.strip():
                    self._add(number, line)
        else:
            self._tokens.update(vocabulary)
        self._ids = {token: id for id, token in self._tokens.items()}
        if len(self._ids) < len(self._tokens):
            raise ArgumentError("The vocabulary has the same token under two ids; use a whole one.")
        for byte in range(256):
            if bytes([byte]) not in self._ids:
                raise ArgumentError(
                    f"The vocabulary has no token for the byte 0x{byte:02x} alone; it is "
                    "incomplete."
                )
        # For each pair of first bytes the lengths of its tokens, the longest first.
        lengths: dict[bytes, set[int]] = {}
        for token in self._ids:
            if len(token) > 1:
                lengths.setdefault(token[:2], set()).add(len(token))
        self._lengths = {pair: sorted(found, reverse=True) for pair, found in lengths.items()}

    def encode(self, text: bytes) -> list[int]:
        """The tokens of any bytes."""
        ids = []
        at = 0
        while at < len(text):
            for length in self._lengths.get(text[at : at + 2], ()):
                id = self._ids.get(text[at : at + length])
                if id is not None and at + length <= len(text):
                    break
            else:
                length = 1
                id = self._ids[text[at : at + 1]]
            ids.append(id)
            at += length
        return ids

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; unknown ones have none."""
        return b"".join(self._tokens.get(token, b"") for token in tokens)

    def _add(self, number: int, line: bytes) -> None:
        match = _LINE.fullmatch(line)
        token = _literal(match[2]) if match else None
        if match is None or token is None:
            raise ArgumentError(
                f"Line {number} of the vocabulary is {line[:40]!r}; it must be an id, a Python "
                "literal and its length in bytes."
            )
        if len(token) != int(match[3]) or not token:
            raise ArgumentError(
                f"Line {number} of the vocabulary has a token of {len(token)} bytes and says "
                f"{int(match[3])}; use a whole vocabulary."
            )
        id = int(match[1])
        if id in self._tokens:
            raise ArgumentError(f"The vocabulary has the id {id} twice; use a whole one.")
        self._tokens[id] = token


def _literal(literal: bytes) -> bytes | None:
    """The bytes that a Python literal, of text or of bytes, stands for; ``None`` if it is none."""
    inner = literal[1:-1]
    if literal[:1] != b"b" and b"\\" not in inner and literal[:1] not in inner:
        return inner  # most tokens; parsing is slow
    try:
        value = ast.literal_eval(literal.decode())
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
