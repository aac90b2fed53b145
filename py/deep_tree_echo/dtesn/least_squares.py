"""Least squares in NumPy: what libecho computes, slower, and the reference for it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, BackendError

__all__ = [
    "ENGINES",
    "LinearAlgebra",
    "NativeAlgebra",
    "Recursion",
    "ReferenceAlgebra",
    "ReferenceRls",
    "algebra",
]

ENGINES = ("auto", "libecho", "python")
"""Where the arithmetic may be done; ``auto`` is libecho where it is there."""

Floats = NDArray[np.float64]

_MOST_GROWTH = 1e6
_LOOKED_AT = 8


class Recursion(Protocol):
    """Recursive least squares; the arrays are those of `core.Rls`."""

    def update(self, states: Floats, targets: Floats) -> Floats:
        """Learns from samples: what was predicted before each."""

    def predict(self, states: Floats) -> Floats:
        """What the weights make of states."""

    def weights(self) -> Floats:
        """(n_outputs, n_features + bias)."""

    def covariance(self) -> Floats:
        """(n_features + bias, n_features + bias): P."""

    def set(self, weights: Floats, covariance: Floats) -> None:
        """Puts both to other values."""


class LinearAlgebra(Protocol):
    """What readouts need of an engine; the arrays are those of `core`."""

    name: str

    def gram_add(self, rows: Floats, n: int, gram: Floats) -> None:
        """See `core.gram_add`."""

    def gram_solve(self, matrix: Floats, right: Floats, tolerance: float) -> Floats:
        """See `core.gram_solve`."""

    def rls(
        self, n_features: int, n_outputs: int, start: float, forgetting: float, bias: bool
    ) -> Recursion:
        """See `core.Rls`."""

    def lms_update(
        self,
        states: Floats,
        targets: Floats,
        weights: Floats,
        *,
        rate: float,
        offset: float,
        bias: bool,
        normalised: bool,
    ) -> Floats:
        """See `core.lms_update`."""


class NativeAlgebra:
    """libecho, by the functions of `core`; that is loaded when the first one is made."""

    name = "libecho"

    def __init__(self) -> None:
        from .. import core

        core.library()
        self.gram_add = core.gram_add
        self.gram_solve = core.gram_solve
        self.rls = core.Rls
        self.lms_update = core.lms_update


class ReferenceAlgebra:
    """NumPy."""

    name = "python"

    def gram_add(self, rows: Floats, n: int, gram: Floats) -> None:
        """Adds the products of all pairs of columns."""
        gram += np.triu(rows[:, :n].T @ rows)

    def gram_solve(self, matrix: Floats, right: Floats, tolerance: float) -> Floats:
        """Solves by Cholesky's factor."""
        lower = np.tril(matrix)
        try:
            factor = np.linalg.cholesky(lower + np.tril(lower, -1).T)
        except np.linalg.LinAlgError as error:
            raise ArgumentError(f"The matrix is not positive definite: {error}.") from error
        pivots = factor.diagonal() ** 2
        small = np.flatnonzero(~(pivots > tolerance * matrix.diagonal()))
        if small.size:
            i = small[0]
            raise ArgumentError(
                f"The matrix is not positive definite: pivot {i} is {pivots[i]:g}, of "
                f"{matrix[i, i]:g}."
            )
        found: Floats = np.linalg.solve(factor.T, np.linalg.solve(factor, right.T)).T.copy()
        return found

    def rls(
        self, n_features: int, n_outputs: int, start: float, forgetting: float, bias: bool
    ) -> Recursion:
        """Recursive least squares in NumPy."""
        return ReferenceRls(n_features, n_outputs, start, forgetting, bias)

    def lms_update(
        self,
        states: Floats,
        targets: Floats,
        weights: Floats,
        *,
        rate: float,
        offset: float,
        bias: bool,
        normalised: bool,
    ) -> Floats:
        """Changes the weights by one sample after the other."""
        outputs = np.empty_like(targets)
        with np.errstate(over="ignore", invalid="ignore"):
            for t, x in enumerate(_with_bias(states, bias)):
                outputs[t] = weights @ x
                step = rate / (offset + x @ x) if normalised else rate
                weights += np.outer(step * (targets[t] - outputs[t]), x)
        return outputs


class ReferenceRls:
    """Recursive least squares as ``echo.h`` describes it."""

    def __init__(
        self, n_features: int, n_outputs: int, start: float, forgetting: float, bias: bool
    ) -> None:
        width = n_features + bias
        self._bias = bias
        self._weights = np.zeros((n_outputs, width))
        self._p = start * np.eye(width)
        self._most = _MOST_GROWTH * start
        self._forgetting = forgetting
        self._factor = forgetting
        self._steps = 0

    def update(self, states: Floats, targets: Floats) -> Floats:
        """Learns from samples: what was predicted before each."""
        outputs = np.empty_like(targets)
        for t, x in enumerate(_with_bias(states, self._bias)):
            outputs[t] = self._weights @ x
            k = self._p @ x
            gain = 1.0 / (self._factor + max(0.0, float(x @ k)))
            self._weights += np.outer(targets[t] - outputs[t], gain * k)
            self._p = (self._p - gain * np.outer(k, k)) / self._factor
            self._steps += 1
            if self._steps % _LOOKED_AT == 0:
                held = self._p.diagonal().max() > self._most
                self._factor = 1.0 if held else self._forgetting
        return outputs

    def predict(self, states: Floats) -> Floats:
        """What the weights make of states."""
        found: Floats = _with_bias(states, self._bias) @ self._weights.T
        return found

    def weights(self) -> Floats:
        """(n_outputs, n_features + bias)."""
        return self._weights.copy()

    def covariance(self) -> Floats:
        """(n_features + bias, n_features + bias): P."""
        return self._p.copy()

    def set(self, weights: Floats, covariance: Floats) -> None:
        """Puts both to other values."""
        self._weights, self._p = weights.copy(), covariance.copy()
        self._factor, self._steps = self._forgetting, 0


def _with_bias(states: Floats, bias: bool) -> Floats:
    return np.hstack([states, np.ones((len(states), 1))]) if bias else states


def algebra(engine: str) -> LinearAlgebra:
    """The arithmetic of an engine, one of `ENGINES`.

    Raises
    ------
    ArgumentError
        If it is none of them.
    BackendError
        If it is to be libecho and that is missing.

    Examples
    --------
    >>> algebra("python").name
    'python'
    """
    if engine not in ENGINES:
        raise ArgumentError(f"the engine is {engine!r}; it must be 'auto', 'libecho' or 'python'.")
    if engine != "python":
        try:
            return NativeAlgebra()
        except BackendError:
            if engine == "libecho":
                raise
    return ReferenceAlgebra()
