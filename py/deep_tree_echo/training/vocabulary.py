"""A small vocabulary for a small model: a part of the RWKV World vocabulary.

An embedding and a head of 65,536 rows would be larger than all the rest of the
model. The tokens that the training text hardly uses are left out; the others
are numbered anew, in the World file's order and in its format, so the same
code reads it. Ids 1 to 256 are the single bytes, hence any text can be written,
and id 0 ends one.

Which tokens stay is found by counting: the text is cut with the vocabulary so
far, the tokens that save the least bytes go, and the text is cut again, for
longer tokens that are gone leave their work to shorter ones.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import core, platform
from ..errors import ArgumentError

__all__ = ["FILE", "SIZE", "choose", "read", "tokenizer"]

FILE = platform.small_vocabulary_path()
SIZE = 4096
BYTES = 256
ROUNDS = (24576, 16384, 12288, 9216, 7168, 6144, 5376, 4864, 4480, 4224)


def read(path: Path) -> list[bytes]:
    """Read a vocabulary file.

    Parameters
    ----------
    path : Path
        Lines ``id 'token' length``.

    Returns
    -------
    list of bytes
        The token of every id; that of 0 is empty.
    """
    tokens = [b""]
    for line in path.read_text(encoding="utf-8").splitlines():
        literal = line[line.index(" ") + 1 : line.rindex(" ")]
        value = ast.literal_eval(literal)
        tokens.append(value.encode() if isinstance(value, str) else value)
    return tokens


def lines(tokens: list[bytes]) -> str:
    r"""Write a vocabulary in the World file's format.

    Parameters
    ----------
    tokens : list of bytes
        By id from 0, which is not written.

    Returns
    -------
    str
        The file's text.

    Examples
    --------
    >>> print(lines([b"", b"a", b"\xff", b"it's"]), end="")
    1 'a' 1
    2 b'\xff' 1
    3 "it's" 4
    """
    out = []
    for number, token in enumerate(tokens[1:], 1):
        try:
            literal = repr(token.decode())
        except UnicodeDecodeError:
            literal = repr(token)
        out.append(f"{number} {literal} {len(token)}\n")
    return "".join(out)


def choose(world: Path, text: str, size: int = SIZE) -> list[bytes]:
    """Choose the tokens that serve a text best.

    Parameters
    ----------
    world : Path
        The World vocabulary.
    text : str
        What the model is to be trained on.
    size : int
        Ids in all, that of the end of a text and the 256 bytes included.

    Returns
    -------
    list of bytes
        By id; that of 0 is empty.

    Raises
    ------
    ArgumentError
        If `size` has no room for the bytes.
    """
    if size < BYTES + 1:
        raise ArgumentError(f"size is {size}; it must be at least {BYTES + 1}.")
    tokens, data = read(world), text.encode()
    for room in (*(step for step in ROUNDS if step > size), size):
        if room >= len(tokens):
            continue
        counts = np.bincount(_encode(tokens, data), minlength=len(tokens))
        saved = counts * (np.array([len(token) for token in tokens]) - 1)
        saved[: BYTES + 1] = np.iinfo(np.int64).max
        # Ties go to the lower id, so that the choice does not depend on the sort.
        kept = np.sort(np.argsort(-saved, kind="stable")[:room])
        tokens = [tokens[number] for number in kept]
    return tokens


def tokenizer(path: Path = FILE) -> core.Tokenizer:
    """Return the tokenizer of a vocabulary file.

    Parameters
    ----------
    path : Path
        That of the default model if omitted.

    Returns
    -------
    core.Tokenizer
        Bytes to ids and back.
    """
    return core.Tokenizer.world(path.read_bytes())


def _encode(tokens: list[bytes], data: bytes) -> NDArray[np.int64]:
    cutter = core.Tokenizer.world(lines(tokens).encode())
    try:
        return np.array(cutter.encode(data), np.int64)
    finally:
        cutter.close()
