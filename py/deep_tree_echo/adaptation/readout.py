r"""The readout: recursive least squares from hidden state and reservoir to corrections of logits.

With the features \(x\), the model's probabilities \(p\) and the weights \(W\), a row for each
token seen, the readout expects \(r_j \propto p_j\, e^{(W x)_j}\). After token \(y\),

\[ k = P x, \quad g = \frac{1}{1 + x \cdot k}, \quad
   W \leftarrow W + \gamma\,(e_y - r)\,(g k)^\top, \quad P \leftarrow P - g\,k k^\top : \]

the error of recursive least squares is that of the probabilities, and the step \(\gamma\) times as
long, for their curvature is below 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dtesn.least_squares import Recursion, algebra

__all__ = ["Readout"]

Floats = NDArray[np.float64]

_FIRST_ROWS = 256
"""So many at first: a text of a few thousand tokens has no more than some hundred different."""


class Readout:
    """Corrections of the logits of the tokens that have slots.

    Parameters
    ----------
    n_features : int
        Numbers in a sample.
    n_slots : int
        Tokens that may be learned.
    regularisation, gain : float
        As in `AdaptationSettings`.
    """

    def __init__(self, n_features: int, n_slots: int, regularisation: float, gain: float) -> None:
        self._gain = gain
        self._n_slots = n_slots
        self._n_features = n_features
        self._start = 1.0 / regularisation
        self.n_rows = min(n_slots, _FIRST_ROWS)
        """Slots that have a row; more are made when they are needed."""
        self._recursion = self._of_rows(self.n_rows)

    def _of_rows(self, n_rows: int) -> Recursion:
        return algebra("auto").rls(self._n_features, n_rows, self._start, 1.0, True)

    def grow(self, n_slots: int) -> None:
        """Makes sure that so many slots have rows."""
        if n_slots > self.n_rows:
            weights, covariance = self.arrays()
            while self.n_rows < n_slots:
                self.n_rows = min(2 * self.n_rows, self._n_slots)
            self._recursion = self._of_rows(self.n_rows)
            self.restore(weights, covariance)

    def corrections(self, features: Floats) -> Floats:
        """(n_rows,) what is added to the logits, for features (n_features,)."""
        found: Floats = self._recursion.predict(features[None])[0]
        return found

    def learn(self, features: Floats, corrections: Floats, errors: Floats) -> None:
        """Learns from features (n_features,), their corrections and the errors (n_rows,)."""
        self._recursion.update(features[None], (corrections + self._gain * errors)[None])

    def forget(self, slots: NDArray[np.int64]) -> None:
        """Empties the rows of slots that get other tokens."""
        weights = self._recursion.weights()
        weights[slots] = 0.0
        self._recursion.set(weights, self._recursion.covariance())

    def arrays(self) -> tuple[Floats, Floats]:
        """Weights (n_rows, n_features + 1) and covariance (n_features + 1, n_features + 1)."""
        return self._recursion.weights(), self._recursion.covariance()

    def restore(self, weights: Floats, covariance: Floats) -> None:
        """Puts weights (n, n_features + 1) of the first n slots back, and the covariance."""
        self.grow(len(weights))
        rows = np.zeros((self.n_rows, self._n_features + 1))
        rows[: len(weights)] = weights
        self._recursion.set(rows, np.ascontiguousarray(covariance))
