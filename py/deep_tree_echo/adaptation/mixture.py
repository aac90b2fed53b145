r"""How much each expert's opinion counts, learned as the text passes.

The shares are a softmax of linear functions of a few numbers that say how sure an expert is; the
weights follow the gradient of the log-probability of each token (Jacobs and others, Adaptive
mixtures of local experts, 1991), the model's own score being 0.

At last the result and the model alone are mixed. With the trust \(v\) in the model alone and the
probabilities \(p\) of the model and \(m\) of the mixture, a token costs
\(-\log(v p + (1 - v) m)\), and then

\[ v' = \frac{v p}{v p + (1 - v) m}, \quad
   v \leftarrow \max\bigl(v' + \alpha (\tfrac12 - v'),\; v_0\, 2^{-\rho B}\bigr), \]

where \(B\) are the bits that the model alone has spent so far and \(\alpha\) the chance of a change
(Herbster and Warmuth, Tracking the best expert, 1998). What a token costs more than by the model
alone is \(\log_2 (v' / v)\); so from any place of a text on, all that follows costs at most
\(\log_2 (1 / v)\), which is \(\rho B + \log_2 (1 / v_0)\) bits there, and \(\alpha / \ln 2\) bits a
token.
"""

from __future__ import annotations

from math import log2

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_SIGNS", "Mixture", "softmax"]

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

ALONE = 0.7
"""How much the model alone is trusted at first."""
MAY_LOSE = 0.0025
"""The part of the bits spent so far that may be lost from here on."""

_LEAST = 1e-12
_LARGEST_STEP = 1.0


def softmax(signs: Floats, weights: Floats) -> Floats:
    """(1 + experts,) the shares, the model's first, for signs and weights (experts, N_SIGNS)."""
    scores = np.zeros(1 + len(signs))
    scores[1:] = (signs * weights).sum(1)
    found: Floats = np.exp(scores - scores.max())
    return found / float(found.sum())


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
        self.alone = ALONE
        """How much the model alone is trusted."""
        self.bits = 0.0
        """What the text has cost so far by the model alone."""

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
        self.bits -= log2(model)
        self.alone = max(
            self._share * 0.5 + (1.0 - self._share) * trust, ALONE * 2.0 ** (-MAY_LOSE * self.bits)
        )
