"""What the learner sees of a place in a text: the hidden state, and a reservoir that follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..dtesn.draws import Draws
from ..dtesn.reservoir import Reservoir
from .settings import AdaptationSettings

__all__ = ["Sensed", "Senses"]


@dataclass(frozen=True, slots=True)
class Sensed:
    """A place in a text.

    Parameters
    ----------
    vector : ndarray of float32, shape (width,)
        The hidden vector, projected if it is wide, of length 1.
    features : ndarray of float64, shape (n_features,)
        What the readout sees.
    echo : ndarray of float32, shape (reservoir,)
        The reservoir's state.
    """

    vector: NDArray[np.float32]
    features: NDArray[np.float64]
    echo: NDArray[np.float32]


class Senses:
    """The reservoir, and the projection of hidden vectors.

    Parameters
    ----------
    n_embed : int
        Numbers of a hidden vector.
    settings : AdaptationSettings
        Sizes and the seed.
    """

    def __init__(self, n_embed: int, settings: AdaptationSettings) -> None:
        self.width = min(n_embed, settings.features)
        """Numbers of a projected hidden vector."""
        self._projection = None
        if n_embed > settings.features:
            # Distances stay what they are, nearly (Johnson and Lindenstrauss 1984).
            drawn = Draws(settings.seed).normal(n_embed * self.width)
            self._projection = drawn.reshape(self.width, n_embed).astype(np.float32)
        self._n_echo = settings.reservoir
        self._reservoir = None
        if settings.reservoir:
            self._reservoir = Reservoir(
                settings.reservoir,
                n_inputs=self.width,
                leak_rate=0.3,
                density=min(1.0, 10 / settings.reservoir),
                seed=settings.seed,
            )
        self.n_features = self.width + self._n_echo
        """Numbers that the readout sees."""

    def sense(self, hidden: NDArray[np.float32], echo: NDArray[np.float32] | None) -> Sensed:
        """The place after a hidden vector (n_embed,), with the reservoir's state before it.

        ``None``: the reservoir is at rest.
        """
        seen = hidden
        if self._projection is not None:
            # Without BLAS, as in a browser, einsum takes half the time of a product.
            seen = np.einsum("ij,j->i", self._projection, hidden)
        vector = seen / np.float32(max(float(np.sqrt(seen @ seen)), 1e-12))
        features = np.empty(self.n_features)
        features[: self.width] = vector
        state = np.zeros(self._n_echo, np.float32)
        if self._reservoir is not None:
            self._reservoir.state = state if echo is None else echo
            state = self._reservoir.run(vector[None])[0]
            features[self.width :] = state / np.sqrt(self._n_echo)
        return Sensed(vector, features, state)
