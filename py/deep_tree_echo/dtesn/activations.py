"""The functions that a reservoir's units may have, by name, in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError

__all__ = ["ACTIVATIONS", "BOUNDED", "activation"]

Real = NDArray[np.floating[Any]]


def _relu(x: Real) -> Real:
    return np.maximum(x, 0)


def _sigmoid(x: Real) -> Real:
    # Of exp, only values up to 1, which cannot overflow.
    small = np.exp(-np.abs(x))
    found: Real = np.where(x < 0, small, 1) / (1 + small)
    return found


def _softplus(x: Real) -> Real:
    found: Real = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return found


def _identity(x: Real) -> Real:
    return x


ACTIVATIONS: dict[str, Callable[[Real], Real]] = {
    "tanh": np.tanh,
    "relu": _relu,
    "sigmoid": _sigmoid,
    "identity": _identity,
    "softplus": _softplus,
}
"""The functions by name; their order is that of ``echo_activation``."""

BOUNDED = ("tanh", "sigmoid")
"""Those that keep every state finite, whatever the weights."""


def activation(name: str) -> Callable[[Real], Real]:
    """The function of this name.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> activation("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ArgumentError(f"activation is {name!r}; it must be one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]
