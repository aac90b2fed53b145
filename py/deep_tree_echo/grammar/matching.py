"""What follows a text through a grammar, whichever backend does it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .program import Program

__all__ = ["CANNOT_END", "MAY_END", "MUST_END", "GrammarModel", "Matcher"]

CANNOT_END, MAY_END, MUST_END = range(3)
"""Whether a text may end where it stands; the numbers are those of ``echo.h``."""


class Matcher(Protocol):
    """Where a text stands in a grammar."""

    @property
    def ending(self) -> int:
        """`CANNOT_END`, `MAY_END` or `MUST_END`."""

    def mask(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], int, float]:
        """Forbids what cannot follow.

        Parameters
        ----------
        logits : ndarray of float32, shape (n_vocab,)
            Not changed.

        Returns
        -------
        ndarray of float32, shape (n_vocab,)
            ``-inf`` for each token that cannot follow, the rest as they were.
        int
            How many can, the end of the text among them.
        float
            Their share of the probability, softmax of ``logits``.

        Raises
        ------
        ArgumentError
            If none can.
        LimitError
            If the grammar is too ambiguous, or the text too deep in it.
        """

    def accept(self, token: int) -> None:
        """Reads a token.

        Raises
        ------
        ArgumentError
            If it cannot follow; the matcher then stands where it stood.
        """

    def feed(self, text: bytes) -> None:
        """Reads bytes; raises as `accept` does."""

    def clone(self) -> Matcher:
        """Another one at the same place."""


class GrammarModel(Protocol):
    """A model whose answers can follow a grammar."""

    def new_matcher(self, program: Program) -> Matcher:
        """A matcher at the beginning of a text."""
