"""What the layers of every architecture are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .weights import Floats, Weights

NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalisation over the channels (Ba et al. 2016, arXiv:1607.06450)."""

    weight: Floats  # (C,)
    bias: Floats  # (C,)

    @classmethod
    def bind(cls, weights: Weights, name: str, width: int) -> LayerNorm:
        """The norm called ``name`` of ``width`` channels."""
        return cls(weights.vector(f"{name}.weight", width), weights.vector(f"{name}.bias", width))

    def __call__(self, x: Floats) -> Floats:
        """X (T, C) -> (T, C), a new array."""
        y = normalize(x, NORM_EPSILON)
        y *= self.weight
        y += self.bias
        return y


@dataclass(frozen=True, slots=True)
class GroupNorm:
    """Normalisation of each head by itself, then a weight and a bias a channel."""

    weight: Floats  # (C,)
    bias: Floats  # (C,)
    epsilon: float

    @classmethod
    def bind(cls, weights: Weights, name: str, width: int, epsilon: float) -> GroupNorm:
        """The norm called ``name`` of ``width`` channels."""
        return cls(
            weights.vector(f"{name}.weight", width), weights.vector(f"{name}.bias", width), epsilon
        )

    def __call__(self, x: Floats) -> Floats:
        """X (T, heads, head size) -> (T, C)."""
        y = normalize(x, self.epsilon).reshape(len(x), -1)
        y *= self.weight
        y += self.bias
        return y


def normalize(x: Floats, epsilon: float) -> Floats:
    """Shifts and scales the last axis to mean 0 and variance 1: a new array of x's shape."""
    scale = np.float32(1 / x.shape[-1])
    mean = np.add.reduce(x, axis=-1, keepdims=True)
    mean *= scale
    y = x - mean
    variance = np.add.reduce(y * y, axis=-1, keepdims=True)
    variance *= scale
    variance += np.float32(epsilon)
    y /= np.sqrt(variance, out=variance)
    return y


def shifted(x: Floats, last: Floats) -> Floats:
    """Each token's predecessor; ``last`` becomes the last token.

    Parameters
    ----------
    x : ndarray of float32, shape (T, C)
        A mix's inputs.
    last : ndarray of float32, shape (C,)
        The input before them, from the state; overwritten.

    Returns
    -------
    ndarray of float32, shape (T, C)
        last, x[0], ..., x[T - 2].
    """
    before = np.empty_like(x)
    before[0] = last
    before[1:] = x[:-1]
    last[:] = x[-1]
    return before


def sigmoid(x: Floats) -> Floats:
    """The logistic function, in place; exp may overflow to infinity, which gives 0."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    return np.reciprocal(x, out=x)


def squared_relu(x: Floats) -> Floats:
    """max(x, 0)^2, in place (So et al. 2021, arXiv:2109.08668)."""
    np.maximum(x, 0, out=x)
    return np.square(x, out=x)
