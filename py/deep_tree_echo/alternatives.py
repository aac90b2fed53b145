"""What else a word of an answer might have been: the likeliest tokens at its place."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generation import LanguageModel

__all__ = ["OTHERS", "Pieces", "Word", "likeliest", "log_normaliser"]

OTHERS = 4
"""Tokens that are shown beside the one that was said."""

_BLOCK = 256
"""Logits of which only the largest is looked at first."""


@dataclass(frozen=True, slots=True)
class Word:
    """A token of an answer, and what might have stood in its place.

    Parameters
    ----------
    id : int
        The token.
    probability : float
        The model's own, before any setting and any guidance.
    text : str
        What it shows; empty while a character is incomplete.
    others : tuple of (int, float, str)
        The likeliest other tokens, likeliest first: token, probability, text.
    """

    id: int
    probability: float
    text: str
    others: tuple[tuple[int, float, str], ...]

    def to_json(self) -> list[Any]:
        """The word as the page keeps it, in few characters.

        Examples
        --------
        >>> Word(7, 1 / 3, "sea", ((9, 0.25, "lake"),)).to_json()
        [7, 0.33333, 'sea', [[9, 0.25, 'lake']]]
        """
        others = [[token, _short(share), text] for token, share, text in self.others]
        return [self.id, _short(self.probability), self.text, others]


class Pieces:
    r"""The tokens of one answer as text, in which no character is cut.

    Examples
    --------
    >>> class Bytes:
    ...     def decode_bytes(self, tokens): return bytes(tokens)
    >>> pieces = Pieces(Bytes())
    >>> [pieces.push(token) for token in b"n\xc3\xa9"]
    ['n', '', 'é']
    >>> pieces.alone(0xA9)
    '\ufffd'
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """The text of the next token, with what was incomplete before it."""
        return self._decoder.decode(self._model.decode_bytes([token]))

    def alone(self, token: int) -> str:
        """The text of a token by itself."""
        return self._model.decode_bytes([token]).decode("utf-8", "replace")


def likeliest(logits: Any, count: int) -> Any:
    """The tokens with the largest logits, largest first.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_vocab,)
        Without NaN.
    count : int
        How many; all of them if there are fewer.

    Returns
    -------
    ndarray of int, shape (count,)

    Notes
    -----
    The largest of each block of 256 is found first, for in the ``count`` best blocks are the best
    tokens. That reads the logits once, where sorting or partitioning them all takes several times
    as long. Among equal logits any may be left out.

    Examples
    --------
    >>> import numpy as np
    >>> likeliest(np.array([0.5, 3.0, -1.0, 2.0], np.float32), 2).tolist()
    [1, 3]
    """
    import numpy as np

    whole = len(logits) - len(logits) % _BLOCK
    if whole <= count * _BLOCK:
        return _sorted(logits, count)
    table = np.ascontiguousarray(logits[:whole], dtype=np.float32).reshape(-1, _BLOCK)
    # Floats above 0 are in the order of their bits, and integers are compared faster.
    best = table.view(np.int32).max(axis=1)
    blocks = np.argpartition(best, -count)[-count:]
    if best[blocks].min() <= 0:
        blocks = np.argpartition(table.max(axis=1), -count)[-count:]
    blocks.sort()
    among = np.append(table[blocks], logits[whole:])
    places = _sorted(among, count)
    inside = places < count * _BLOCK
    blocks = np.append(blocks, whole // _BLOCK)
    first = np.where(inside, places // _BLOCK, count)
    return blocks[first] * _BLOCK + places - first * _BLOCK


def _sorted(logits: Any, count: int) -> Any:
    """The same by looking at all of them; the lower token first among equals."""
    import numpy as np

    if count < len(logits):
        least = np.partition(logits, -count)[-count]
        places = np.flatnonzero(logits >= least)
    else:
        places = np.arange(len(logits))
    return places[np.argsort(-logits[places], kind="stable")][:count]


def log_normaliser(logits: Any) -> float:
    """The logarithm of the sum of exponentials of ``logits`` (n_vocab,).

    Examples
    --------
    >>> import numpy as np
    >>> log_normaliser(np.zeros(8, np.float32)) == math.log(8)
    True
    """
    import numpy as np

    largest = float(logits.max())
    return largest + math.log(float(np.exp(logits - largest).sum(dtype=np.float64)))


def _short(share: float) -> float:
    """Five digits, which is more than anybody reads."""
    return float(f"{share:.5g}")
