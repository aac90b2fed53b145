r"""How much each expert's opinion counts, learned as the text passes.

The shares are a softmax of linear functions of a few numbers that say how sure an expert is; the
weights follow the gradient of the log-probability of each token (Jacobs and others, Adaptive
mixtures of local experts, 1991), the model's own score being 0. A last mixture of the result with
the model alone follows Herbster and Warmuth (Tracking the best expert, 1998): whatever the text
is, it costs at most one bit more than the model in all, and about
\(\alpha / \ln 2\) bits a token for the chance \(\alpha\) of a change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_SIGNS", "Mixture"]

Floats = NDArray[np.float64]

N_SIGNS = 5
"""Numbers by which an expert's share is found."""

START = np.array(
    [
        [1.41, -0.46, 0.0, 0.0, -1.11],
        [-2.44, 0.30, 0.56, -0.15, -1.00],
        [0.26, 0.62, 2.82, -0.05, -0.30],
    ]
)
"""(experts, N_SIGNS) the weights before the first token; found on texts of other people."""

_LEAST = 1e-12
_LARGEST_STEP = 1.0


class Mixture:
    """The shares of the experts: the model, and others.

    Parameters
    ----------
    rate : float
        Of the gradient steps.
    share : float
        The chance of a change, at each token, of who is to be trusted.
    """

    def __init__(self, rate: float, share: float) -> None:
        self._rate = rate
        self._share = share
        self.weights = START.copy()
        self.squares = np.ones(START.shape)  # of the gradients so far
        self.alone = 0.5
        """How much the model alone is trusted."""

    def shares(self, signs: Floats) -> Floats:
        """(1 + experts,) the shares, the model's first, for signs (experts, N_SIGNS).

        An expert whose signs are all 0 has nothing to say.
        """
        scores = np.zeros(1 + len(signs))
        scores[1:] = (signs * self.weights).sum(1)
        scores[1:][signs[:, 0] == 0.0] = -np.inf
        found: Floats = np.exp(scores - scores.max())
        return found / float(found.sum())

    def learn(self, signs: Floats, shares: Floats, probabilities: Floats) -> None:
        """Learns from what each expert (1 + experts,) gave to the token that came."""
        mixed = max(float(shares @ probabilities), _LEAST)
        pull = shares[1:] * np.clip(probabilities[1:] / mixed - 1.0, -1.0, 1.0 / _LEAST)
        gradient = pull[:, None] * signs
        self.squares += gradient * gradient
        step = self._rate * gradient / np.sqrt(self.squares)
        self.weights += np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        model = max(float(probabilities[0]), _LEAST)
        trust = self.alone * model / (self.alone * model + (1.0 - self.alone) * mixed)
        self.alone = self._share * 0.5 + (1.0 - self._share) * trust
