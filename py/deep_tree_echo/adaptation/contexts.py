r"""A memory of contexts: where the model stood before each of the last tokens.

What came after contexts like the present one is likely to come again. With the unit vectors
\(u_s\) of the contexts, \(\kappa\) of the resolution and the tokens \(y_s\),

\[ q(j) \propto \sum_s [y_s = j]\; e^{\kappa\, u \cdot u_s}, \]

the cache of Grave, Joulin and Usunier (Improving neural language models with a continuous cache,
2017), with several resolutions from the same products.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contexts"]

Floats = NDArray[np.float32]


class Contexts:
    """The contexts of the last tokens.

    Parameters
    ----------
    window : int
        How many are kept.
    width : int
        Numbers of one.
    """

    def __init__(self, window: int, width: int) -> None:
        self.vectors = np.zeros((window, width), np.float32)
        self.slots = np.zeros(window, np.int64)  # (window,) of the tokens that followed
        self.count = 0
        """Tokens learned so far; the oldest are overwritten."""

    @property
    def size(self) -> int:
        """How many contexts there are."""
        return min(self.count, len(self.slots))

    def learn(self, vector: Floats, slot: int) -> None:
        """Remembers that a token followed a context, a unit vector (width,)."""
        at = self.count % len(self.slots)
        self.vectors[at] = vector
        self.slots[at] = slot
        self.count += 1
