"""How a step changes the parameters: Muon for the big matrices, AdamW for the rest.

Muon (Jordan et al. 2024) replaces a matrix's gradient by the nearest
orthogonal matrix, so that rare directions are learned as fast as frequent
ones. Five steps of a Newton-Schulz iteration come near enough to it. Its
update is scaled to the size of one of AdamW's (arXiv:2502.16982), so one rate
and one weight decay serve both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .kernels import Kernels
from .network import multiplication
from .parameters import Parameters, Shape

__all__ = ["Optimizer", "learning_rate", "orthogonalized"]

Array = NDArray[Any]
STEPS = 5
# The quintic that pulls singular values towards one, steep at zero.
QUINTIC = (3.4445, -4.7750, 2.0315)


def learning_rate(step: int, peak: float, warmup: int, end: int = 0, fall: int = 0) -> float:
    """Return the rate of a step: it rises, stays, and at the end falls.

    The stable part has no length of its own, so a run can be prolonged without
    regret, and any of its checkpoints can be brought to an end.

    Parameters
    ----------
    step : int
        This step, counted from 0.
    peak : float
        Highest rate.
    warmup : int
        Steps of the linear rise.
    end, fall : int
        The last `fall` steps before `end` go down to 0 as one minus the square
        root of their part; with ``fall = 0`` the rate stays.

    Returns
    -------
    float
        The learning rate.

    Examples
    --------
    >>> [learning_rate(step, 1.0, 2, 10, 4) for step in (0, 1, 5, 6, 7, 10)]
    [0.5, 1.0, 1.0, 1.0, 0.5, 0.0]
    """
    rate = peak * min(1.0, (step + 1) / max(1, warmup))
    if fall and step > end - fall:
        rate *= 1 - math.sqrt(min(1.0, (step - end + fall) / fall))
    return rate


def orthogonalized(
    matrix: Array, multiply: Callable[[Array, Array, Array], Array] | None = None
) -> Array:
    """Return a matrix of the same singular vectors whose singular values are near one.

    Parameters
    ----------
    matrix : ndarray, shape (rows, columns)
        A gradient or its moving average.
    multiply : callable, optional
        Takes two matrices and where their product goes; NumPy's if omitted.

    Returns
    -------
    ndarray, shape (rows, columns)
        Singular values of about 0.7 to 1.2; zero if `matrix` is.
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / matrix.dtype.type(np.linalg.norm(wide) + 1e-12)
    one, three, five = map(matrix.dtype.type, QUINTIC)
    times = multiply or (lambda a, b, out: np.matmul(a, b, out=out))
    x, following = np.ascontiguousarray(x), np.empty(x.shape, x.dtype)
    square, fourth = np.empty((2, len(x), len(x)), x.dtype)
    for _ in range(STEPS):
        times(x, x.T, square)
        times(square, square, fourth)
        fourth *= five
        square *= three
        square += fourth
        times(square, x, following)
        x *= one
        x += following
    return x if wide is matrix else np.ascontiguousarray(x.T)


class Optimizer:
    """The state and the rule of the updates.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    decay : float
        Strength of the decoupled weight decay of the big matrices.
    betas : tuple of float
        Decay rates of AdamW's two moments.
    momentum : float
        Of Muon.
    clip : float
        Longest gradient (Euclidean norm); longer ones are scaled down to it.
    half : bool
        True takes Muon's products in bfloat16.

    Attributes
    ----------
    first, second : Parameters
        Moving averages of the gradient and of its square; Muon needs the first only.
    """

    def __init__(
        self,
        shape: Shape,
        decay: float = 0.1,
        betas: tuple[float, float] = (0.9, 0.98),
        momentum: float = 0.95,
        clip: float = 1.0,
        half: bool = False,
    ) -> None:
        self.decay, self.betas, self.momentum, self.clip = decay, betas, momentum, clip
        self.first, self.second = Parameters(shape), Parameters(shape)
        self._kernels = Kernels(np.float32)
        self._multiply = multiplication(self._kernels, half)

    def update(self, values: Parameters, gradient: Parameters, step: int, rate: float) -> float:
        """Take a step in place.

        Parameters
        ----------
        values, gradient : Parameters
            In float32; only `values` is changed.
        step : int
            Counted from 0.
        rate : float
            Learning rate.

        Returns
        -------
        float
            The gradient's norm before clipping.
        """
        norm = float(np.sqrt(np.dot(gradient.flat, gradient.flat)))
        factor = min(1.0, self.clip / norm) if norm else 1.0
        one, two = self.betas
        scales = 1 / (1 - one ** (step + 1)), 1 / math.sqrt(1 - two ** (step + 1))
        for name, value in values.items():
            shrink = rate * self.decay if values.is_big(name) else 0.0
            if values.is_big(name) and name.startswith("blocks."):
                self._muon(value, gradient[name], self.first[name], rate, shrink)
            else:
                self._kernels("adamw", value.size, rate, shrink, one, two, *scales, factor,
                              gradient[name], self.first[name], self.second[name],
                              value)  # fmt: skip
        return norm

    def _muon(
        self, value: Array, gradient: Array, average: Array, rate: float, shrink: float
    ) -> None:
        average *= np.float32(self.momentum)
        average += gradient
        direction = gradient + np.float32(self.momentum) * average
        direction = orthogonalized(direction, self._multiply)
        direction *= np.float32(rate * 0.2 * math.sqrt(max(value.shape)))
        value *= np.float32(1 - shrink)
        value -= direction
