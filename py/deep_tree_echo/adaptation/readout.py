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

from ..dtesn.least_squares import algebra

__all__ = ["Readout"]

Floats = NDArray[np.float64]

MOST = 8.0
"""No logit is moved further."""


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
        self._recursion = algebra("auto").rls(n_features, n_slots, 1.0 / regularisation, 1.0, True)

    def corrections(self, features: Floats) -> Floats:
        """(n_slots,) what is added to the logits, for features (n_features,)."""
        found: Floats = self._recursion.predict(features[None])[0]
        return found

    def learn(self, features: Floats, corrections: Floats, errors: Floats) -> None:
        """Learns from features (n_features,), their corrections and the errors (n_slots,)."""
        self._recursion.update(features[None], (corrections + self._gain * errors)[None])

    def forget(self, slots: NDArray[np.int64]) -> None:
        """Empties the rows of slots that get other tokens."""
        weights = self._recursion.weights()
        weights[slots] = 0.0
        self._recursion.set(weights, self._recursion.covariance())

    def arrays(self) -> tuple[Floats, Floats]:
        """Weights (n_slots, n_features + 1) and covariance (n_features + 1, n_features + 1)."""
        return self._recursion.weights(), self._recursion.covariance()

    def restore(self, weights: Floats, covariance: Floats) -> None:
        """Puts both back."""
        self._recursion.set(weights, covariance)
