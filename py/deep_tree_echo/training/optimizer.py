"""AdamW on one flat vector, with clipping and a cosine schedule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AdamW", "learning_rate"]


def learning_rate(step: int, steps: int, peak: float, warmup: int, floor: float = 0.02) -> float:
    """Return the rate of a step: a linear warm-up, then half a cosine.

    Parameters
    ----------
    step, steps : int
        This step, counted from 0, and how many there will be.
    peak : float
        Highest rate.
    warmup : int
        Steps of the warm-up.
    floor : float
        The last rate as a part of the peak.

    Returns
    -------
    float
        The learning rate.
    """
    done = min(1.0, step / max(1, steps))
    cosine = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
    return peak * cosine * min(1.0, (step + 1) / max(1, warmup))


class AdamW:
    """Adam with decoupled weight decay (arXiv:1711.05101).

    Parameters
    ----------
    size : int
        Length of the parameter vector.
    decayed : ndarray of bool, shape (size,)
        Where weight decay applies.
    decay : float
        Strength of the decay.
    betas : tuple of float
        Decay rates of the two moments.
    clip : float
        Longest gradient (Euclidean norm); longer ones are scaled down to it.
    """

    def __init__(
        self,
        size: int,
        decayed: NDArray[np.bool_],
        decay: float = 0.1,
        betas: tuple[float, float] = (0.9, 0.98),
        clip: float = 1.0,
    ) -> None:
        self.first: NDArray[Any] = np.zeros(size, np.float32)
        self.second: NDArray[Any] = np.zeros(size, np.float32)
        self.betas, self.clip = betas, clip
        self._decay = decayed.astype(np.float32) * np.float32(decay)
        self._scratch: NDArray[Any] = np.empty((2, size), np.float32)

    def update(self, values: NDArray[Any], gradient: NDArray[Any], step: int, rate: float) -> float:
        """Take one step in place.

        Parameters
        ----------
        values, gradient : ndarray of float32, shape (size,)
            The parameters, changed in place, and their gradient, clipped in place.
        step : int
            Counted from 0.
        rate : float
            Learning rate.

        Returns
        -------
        float
            The gradient's norm before clipping.
        """
        norm = float(np.sqrt(np.dot(gradient, gradient)))
        if norm > self.clip:
            gradient *= np.float32(self.clip / norm)
        one, two = self.betas
        update, root = self._scratch
        self.first *= np.float32(one)
        np.multiply(gradient, np.float32(1 - one), out=update)
        self.first += update
        self.second *= np.float32(two)
        np.multiply(gradient, gradient, out=update)
        update *= np.float32(1 - two)
        self.second += update
        np.sqrt(self.second, out=root)
        root *= np.float32(1 / math.sqrt(1 - two ** (step + 1)))
        root += np.float32(1e-8)
        np.divide(self.first, root, out=update)
        update *= np.float32(rate / (1 - one ** (step + 1)))
        values -= update
        np.multiply(values, self._decay, out=update)
        update *= np.float32(rate)
        values -= update
        return norm
