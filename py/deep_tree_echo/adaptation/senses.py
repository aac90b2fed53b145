"""What the learner sees of a place in a text: the hidden state, and a reservoir that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import core
from ..dtesn.draws import Draws
from ..dtesn.reservoir import Reservoir
from ..errors import BackendError
from .settings import AdaptationSettings

__all__ = ["Sensed", "Senses"]

Floats = NDArray[np.float32]


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
    engine : {"auto", "libecho", "python"}
        What computes.
    """

    def __init__(self, n_embed: int, settings: AdaptationSettings, engine: str = "auto") -> None:
        self.width = min(n_embed, settings.features)
        """Numbers of a projected hidden vector."""
        self._projection = None
        if n_embed > settings.features:
            # Distances stay what they are, nearly (Johnson and Lindenstrauss 1984).
            drawn = Draws(settings.seed).normal(n_embed * self.width)
            self._projection = drawn.reshape(self.width, n_embed).astype(np.float32)
        self._project = projecting(engine)
        self._n_echo = settings.reservoir
        self._reservoir = None
        if settings.reservoir:
            self._reservoir = Reservoir(
                settings.reservoir,
                n_inputs=self.width,
                leak_rate=0.3,
                density=min(1.0, 10 / settings.reservoir),
                seed=settings.seed,
                engine=engine,
            )
        self.n_features = self.width + self._n_echo
        """Numbers that the readout sees."""

    @property
    def nbytes(self) -> int:
        """Memory of the projection, in bytes."""
        return 0 if self._projection is None else self._projection.nbytes

    @property
    def each(self) -> int:
        """Memory of one place, in bytes."""
        return 4 * self.width + 8 * self.n_features + 4 * self._n_echo

    def sense(self, hidden: NDArray[np.float32], echo: NDArray[np.float32] | None) -> Sensed:
        """The place after a hidden vector (n_embed,), with the reservoir's state before it.

        ``None``: the reservoir is at rest.
        """
        vector = self._project(self._projection, hidden)
        features = np.empty(self.n_features)
        features[: self.width] = vector
        state = np.zeros(self._n_echo, np.float32)
        if self._reservoir is not None:
            self._reservoir.state = state if echo is None else echo
            state = self._reservoir.run(vector[None])[0]
            features[self.width :] = state / np.sqrt(self._n_echo)
        return Sensed(vector, features, state)


def projecting(engine: str) -> Callable[[Floats | None, Floats], Floats]:
    """What makes unit vectors of a matrix and a vector: libecho where it is, else NumPy."""
    if engine != "python":
        try:
            core.library()
            return core.project
        except BackendError:
            if engine == "libecho":
                raise
    return _project


def _project(matrix: Floats | None, x: Floats) -> Floats:
    found = x if matrix is None else matrix @ x
    unit: Floats = found / np.float32(max(float(np.sqrt(found @ found)), 1e-12))
    return unit
