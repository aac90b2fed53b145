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
    vector : ndarray of float32, shape (n_embed,)
        The hidden vector, of length 1.
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
        self._n_hidden = min(n_embed, settings.features)
        self._projection = None
        if n_embed > settings.features:
            # Distances stay what they are, nearly (Johnson and Lindenstrauss 1984).
            drawn = Draws(settings.seed).normal(n_embed * self._n_hidden)
            drawn = drawn.reshape(n_embed, self._n_hidden) / np.sqrt(self._n_hidden)
            self._projection = drawn.astype(np.float32)
        self._n_echo = settings.reservoir
        self._reservoir = None
        if settings.reservoir:
            self._reservoir = Reservoir(
                settings.reservoir,
                n_inputs=self._n_hidden,
                leak_rate=0.3,
                density=min(1.0, 10 / settings.reservoir),
                seed=settings.seed,
            )
        self.n_features = self._n_hidden + self._n_echo
        """Numbers that the readout sees."""

    def sense(self, hidden: NDArray[np.float32], echo: NDArray[np.float32] | None) -> Sensed:
        """The place after a hidden vector (n_embed,), with the reservoir's state before it.

        ``None``: the reservoir is at rest.
        """
        length = max(float(np.sqrt(hidden @ hidden)), 1e-12)
        vector = hidden / np.float32(length)
        seen = vector if self._projection is None else vector @ self._projection
        features = np.empty(self.n_features)
        features[: self._n_hidden] = seen
        state = np.zeros(self._n_echo, np.float32)
        if self._reservoir is not None:
            self._reservoir.state = state if echo is None else echo
            state = self._reservoir.run(seen[None])[0]
            features[self._n_hidden :] = state / np.sqrt(self._n_echo)
        return Sensed(vector, features, state)
