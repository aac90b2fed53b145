"""Which words go together: vectors of words, made of the text that the default model learns from.

Counting which words stand near each other tells much better what belongs together than the states
of a model of a few million parameters do (docs/memory.md has the figures). ``training/lexicon.py``
makes the file.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["FILE", "Lexicon"]

FILE = Path(__file__).with_name("lexicon.npz")
_REMEMBERED = 1024  # words whose relatives are remembered: a talk says the same ones again


class Lexicon:
    """Vectors of words.

    Parameters
    ----------
    words : list of str
        Stems as `terms` gives them.
    vectors : (len(words), n) array_like
        One a word; only their directions count.

    Examples
    --------
    >>> lexicon = Lexicon.bundled()
    >>> float(lexicon.similarity("dog", ["cat", "senat"]).argmax())
    0.0
    """

    def __init__(self, words: list[str], vectors: NDArray[np.generic]) -> None:
        self.index = {word: place for place, word in enumerate(words)}
        numbers = vectors.astype(np.float32)
        norms = np.linalg.norm(numbers, axis=1, keepdims=True)
        self.vectors: NDArray[np.float32] = numbers / np.maximum(norms, 1e-9)
        """(words, n), each of length 1."""
        self.near = lru_cache(_REMEMBERED)(self._near)
        """Words related to one, most related first; see `_near`."""

    @classmethod
    @cache
    def bundled(cls) -> Lexicon:
        """The one that comes with the package."""
        with np.load(FILE, allow_pickle=False) as stored:
            return cls(stored["words"].tobytes().decode().split("\n"), stored["vectors"])

    @classmethod
    def empty(cls) -> Lexicon:
        """Knows no word, so that only equal ones match."""
        return cls([], np.zeros((0, 1), np.float32))

    def __len__(self) -> int:
        return len(self.index)

    def __contains__(self, word: str) -> bool:
        return word in self.index

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """(n,) of length 1, or ``None`` for an unknown word."""
        place = self.index.get(word)
        return None if place is None else self.vectors[place]

    def similarity(self, word: str, others: list[str]) -> NDArray[np.float32]:
        """(len(others),) cosines, 0 where a word is unknown."""
        one = self.vector(word)
        found = np.zeros(len(others), np.float32)
        for place, other in enumerate(others):
            vector = self.vector(other)
            if one is not None and vector is not None:
                found[place] = one @ vector
        return found

    def _near(self, word: str, least: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """(n,) places of the words whose cosine is above ``least``, greatest first; (n,) those."""
        vector = self.vector(word)
        if vector is None:
            return np.zeros(0, np.intp), np.zeros(0, np.float32)
        cosines = self.vectors @ vector
        near = np.flatnonzero(cosines > least)
        near = near[np.argsort(-cosines[near], kind="stable")]
        return near, cosines[near]
