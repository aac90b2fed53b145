"""The reservoir that listens to a model: each token's hidden vector drives it, one step a token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .inputs import projected
from .reservoir import Reservoir

__all__ = [
    "DENSITY",
    "LEAK_RATE",
    "N_INPUTS",
    "SEED",
    "SPECTRAL_RADIUS",
    "driving",
    "listening_reservoir",
]

N_INPUTS = 32
"""Numbers of a projected hidden vector."""
SEED = 42
"""The same reservoir for everybody, so that pictures can be compared."""
SPECTRAL_RADIUS = 0.95
LEAK_RATE = 0.3
DENSITY = 0.1


def listening_reservoir(size: int) -> Reservoir:
    """A reservoir of ``size`` units at rest; equal sizes are equal reservoirs.

    Examples
    --------
    >>> listening_reservoir(64).state.shape
    (64,)
    """
    return Reservoir(
        size,
        n_inputs=N_INPUTS,
        spectral_radius=SPECTRAL_RADIUS,
        leak_rate=LEAK_RATE,
        density=max(DENSITY, min(1.0, 10 / size)),
        seed=SEED,
    )


def driving(hidden: NDArray[np.float32]) -> NDArray[np.float32]:
    """What hidden vectors give it: divided by their root mean square, projected at random.

    Parameters
    ----------
    hidden : ndarray of float32, shape (T, n_embed)
        A model's hidden vectors after the last layer norm.

    Returns
    -------
    ndarray of float32, shape (T, 32)

    Examples
    --------
    >>> driving(np.ones((3, 8), np.float32)).shape
    (3, 32)
    """
    return projected(hidden, N_INPUTS, SEED).astype(np.float32)
