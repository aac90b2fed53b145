"""An n-gram model of bytes, the baseline that any language model must beat.

Modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1999): counts lose
a discount that depends on whether they are 1, 2 or more, and what is gained goes
to the shorter context. The longest grams are counted as they occur, shorter
ones by how many different bytes they follow. Grams are 64-bit keys in sorted
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NGram"]

Tokens = NDArray[np.integer[Any]]
Keys = NDArray[np.int64]


@dataclass
class _Level:
    """Grams of one length.

    Parameters
    ----------
    grams, counts : ndarray of int64, shape (grams,)
        Sorted keys and how often each counts.
    contexts, totals : ndarray of int64, shape (contexts,)
        Keys without the last token, and the sum of their grams' counts.
    taken : ndarray of float64, shape (contexts,)
        What the discounts take from a context's counts in all.
    discounts : ndarray of float64, shape (4,)
        For counts of 0, 1, 2 and more.
    """

    grams: Keys
    counts: Keys
    contexts: Keys
    totals: Keys
    taken: NDArray[np.float64]
    discounts: NDArray[np.float64]


class NGram:
    """Counts of all grams of up to ``order + 1`` tokens.

    Parameters
    ----------
    tokens : ndarray of int, shape (tokens,)
        The training text, all below `vocabulary`.
    order : int
        Tokens of context.
    vocabulary : int
        Number of different tokens; 257 are the bytes and the end of a text.

    Raises
    ------
    ValueError
        If grams this long do not fit into 64 bits.
    """

    def __init__(self, tokens: Tokens, order: int = 5, vocabulary: int = 257) -> None:
        if vocabulary ** (order + 1) > 2**63:
            raise ValueError("Grams this long do not fit into 64 bits.")
        self.order, self.vocabulary = order, vocabulary
        self._levels: list[_Level] = []
        grams, counts = np.unique(self._keys(tokens, order), return_counts=True)
        for length in range(order, -1, -1):
            self._levels.insert(0, self._level(grams, counts))
            # A shorter gram counts once for each different token before it.
            grams, counts = np.unique(grams % vocabulary**length, return_counts=True)

    def bits(self, tokens: Tokens) -> NDArray[np.float64]:
        """Return what each token costs after those before it.

        Parameters
        ----------
        tokens : ndarray of int, shape (tokens,)
            The text to measure.

        Returns
        -------
        ndarray of float64, shape (tokens,)
            Bits; the first few tokens have less context.
        """
        chance = np.full(len(tokens), 1 / self.vocabulary)
        for length, level in enumerate(self._levels):
            keys = self._keys(tokens, length)
            seen = _lookup(level.grams, level.counts, keys)
            contexts = keys // self.vocabulary
            total = _lookup(level.contexts, level.totals, contexts)
            taken = _lookup(level.contexts, level.taken, contexts)
            known, lower = total > 0, chance[length:]
            kept = seen - level.discounts[np.minimum(seen, 3)]
            lower[known] = ((kept + taken * lower) / np.maximum(total, 1))[known]
        return np.asarray(-np.log2(chance), np.float64)

    def _level(self, grams: Keys, counts: Keys) -> _Level:
        contexts, first = np.unique(grams // self.vocabulary, return_index=True)
        times = [max(1, int((counts == number).sum())) for number in (1, 2, 3, 4)]
        ratio = times[0] / (times[0] + 2 * times[1])
        discounts = np.zeros(4)
        for number in (1, 2, 3):
            wanted = number - (number + 1) * ratio * times[number] / times[number - 1]
            # In a text too small for the estimate, a discount must still be one.
            discounts[number] = min(max(wanted, 0.1), number - 0.1)
        taken = np.add.reduceat(discounts[np.minimum(counts, 3)], first)
        return _Level(grams, counts, contexts, np.add.reduceat(counts, first), taken, discounts)

    def _keys(self, tokens: Tokens, length: int) -> Keys:
        """Return the grams that end at each token from number `length` on."""
        count = max(0, len(tokens) - length)
        keys = np.zeros(count, np.int64)
        for offset in range(length + 1):
            keys *= self.vocabulary
            keys += tokens[offset : offset + count]
        return keys


def _lookup(keys: Keys, values: NDArray[Any], wanted: Keys) -> NDArray[Any]:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)
