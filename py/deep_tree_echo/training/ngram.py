"""An n-gram model of tokens, the baseline that any language model must beat.

Interpolated Witten-Bell smoothing: with n(c) tokens and t(c) different ones
seen after the context c, and c' the context without its oldest token,

    p(x | c) = (n(c x) + t(c) p(x | c')) / (n(c) + t(c)),

down to the uniform distribution. Grams are 64-bit keys in sorted arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["NGram"]

Tokens = NDArray[np.uint16]
Keys = NDArray[np.int64]


class NGram:
    """Counts of all grams of up to ``order + 1`` tokens.

    Parameters
    ----------
    tokens : ndarray of uint16, shape (tokens,)
        The training text.
    order : int
        Tokens of context, at most 6.
    vocabulary : int
        Number of different tokens.
    """

    def __init__(self, tokens: Tokens, order: int = 5, vocabulary: int = 257) -> None:
        if vocabulary ** (order + 1) > 2**63:
            raise ValueError("Grams this long do not fit into 64 bits.")
        self.order, self.vocabulary = order, vocabulary
        self._levels: list[tuple[Keys, Keys, Keys, Keys, Keys]] = []
        for length in range(order + 1):
            grams, counts = np.unique(self._keys(tokens, length), return_counts=True)
            contexts, first = np.unique(grams // vocabulary, return_index=True)
            totals = np.add.reduceat(counts, first)
            kinds = np.diff(np.append(first, len(grams)))
            self._levels.append((grams, counts, contexts, totals, kinds))

    def bits(self, tokens: Tokens) -> NDArray[np.float64]:
        """Return what each token costs after those before it.

        Parameters
        ----------
        tokens : ndarray of uint16, shape (tokens,)
            The text to measure.

        Returns
        -------
        ndarray of float64, shape (tokens,)
            Bits; the first few tokens have less context.
        """
        chance = np.full(len(tokens), 1 / self.vocabulary)
        for length, (grams, counts, contexts, totals, kinds) in enumerate(self._levels):
            keys = self._keys(tokens, length)
            seen = _lookup(grams, counts, keys)
            total = _lookup(contexts, totals, keys // self.vocabulary)
            kind = _lookup(contexts, kinds, keys // self.vocabulary)
            lower = chance[length:]
            known = total > 0
            mixed = (seen[known] + kind[known] * lower[known]) / (total[known] + kind[known])
            lower[known] = mixed
        return np.asarray(-np.log2(chance), np.float64)

    def _keys(self, tokens: Tokens, length: int) -> Keys:
        """Return the grams that end at each token from number `length` on."""
        count = max(0, len(tokens) - length)
        keys = np.zeros(count, np.int64)
        for offset in range(length + 1):
            keys *= self.vocabulary
            keys += tokens[offset : offset + count]
        return keys


def _lookup(keys: Keys, values: Keys, wanted: Keys) -> Keys:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)
