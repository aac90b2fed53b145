r"""Ridge regression from sums of products, so that a series of any length takes the same memory.

With states \(x_t\) and targets \(y_t\), the weights and the bias are those of the least

\[ \sum_t \lVert y_t - W x_t - b \rVert^2 + \lambda \lVert W \rVert^2 \]

(Hoerl and Kennard 1970; Tikhonov regularisation). The bias is not held down by \(\lambda\).
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .readout import Readout

__all__ = ["Ridge"]

Floats = NDArray[np.float64]

_ROWS = 1024
"""Samples that are copied at a time."""


class Ridge(Readout):
    r"""A readout by ridge regression.

    Parameters
    ----------
    regularisation : float
        \(\lambda\), at least 0. It is added to sums over all samples, not to means.
    bias : bool
        Whether there is a bias \(b\).
    engine : {"auto", "libecho", "python"}
        Where the arithmetic is done; ``auto`` is libecho where it is there.

    Raises
    ------
    ArgumentError
        If a setting is not such.
    BackendError
        If the engine is to be libecho and that is missing.

    Examples
    --------
    >>> states = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]])
    >>> ridge = Ridge(regularisation=0.0)
    >>> ridge = ridge.partial_fit(states[:2], [3.0, 4.0]).partial_fit(states[2:], [5.0, 7.0])
    >>> ridge.weights.round(9), ridge.bias.round(9)
    (array([[2., 1.]]), array([2.]))
    >>> ridge.predict([[10.0, 10.0]]).round(9)
    array([[32.]])
    """

    _kind = "ridge"
    _settings = ("regularisation", "with_bias")
    _arrays = ("gram", "shift")

    def __init__(
        self, regularisation: float = 1e-6, bias: bool = True, *, engine: str = "auto"
    ) -> None:
        super().__init__(bias, engine)
        self._regularisation = check.number(regularisation, "regularisation", least=0.0)
        self._gram = np.zeros((0, 0))  # (width, width + n_outputs), the upper part
        self._shift = np.zeros(0)  # (n_features + n_outputs,) is subtracted first
        self._solved: Floats | None = None  # (n_outputs, width)

    @property
    def regularisation(self) -> float:
        r"""\(\lambda\)."""
        return self._regularisation

    def solve(self, regularisation: float | None = None) -> Self:
        r"""Computes the weights of all samples so far; their first use does it, too.

        Parameters
        ----------
        regularisation : float, optional
            Another \(\lambda\) from now on; the sums stay, so trying many is cheap.

        Raises
        ------
        ArgumentError
            If there are no samples, or they do not determine the weights; the readout is then as
            it was.
        """
        chosen = self._regularisation
        if regularisation is not None:
            chosen = check.number(regularisation, "regularisation", least=0.0)
        self._solved = self._solution(chosen)
        self._regularisation = chosen
        return self

    def reset(self) -> None:
        """Forgets all samples."""
        super().reset()
        self._solved = None

    def _make_room(self, n_features: int, n_outputs: int) -> None:
        width = n_features + self._with_bias
        self._gram = np.zeros((width, width + n_outputs))
        self._shift = np.zeros(n_features + n_outputs)

    def _learn(self, x: Floats, y: Floats) -> None:
        if not len(x):
            return
        n = x.shape[1]
        width = self._width()
        gram, shift = self._gram.copy(), self._shift
        if self._with_bias and not self._n_samples:
            # With a bias a shift changes nothing but the rounding: far from 0, sums of products
            # would leave little of what differs.
            shift = np.concatenate([x[:_ROWS].mean(axis=0), y[:_ROWS].mean(axis=0)])
        rows = np.empty((min(_ROWS, len(x)), width + y.shape[1]))
        rows[:, n:width] = 1.0
        for start in range(0, len(x), _ROWS):
            part = rows[: min(_ROWS, len(x) - start)]
            part[:, :n] = x[start : start + _ROWS] - shift[:n]
            part[:, width:] = y[start : start + _ROWS] - shift[n:]
            self._algebra.gram_add(part, width, gram)
        self._gram, self._shift = gram, shift
        self._n_samples += len(x)
        self._solved = None

    def _solution(self, regularisation: float) -> Floats:
        if not self._n_samples or self._n_features is None:
            raise self._nothing_learned()
        n, width = self._n_features, self._width()
        matrix = np.ascontiguousarray(np.triu(self._gram[:n, :n]).T)  # (n, n), the lower part
        right = self._gram[:n, width:].T.copy()  # (n_outputs, n)
        if self._with_bias:
            x_mean = self._gram[:n, n] / self._n_samples
            y_mean = self._gram[n, width:] / self._n_samples
            matrix -= self._n_samples * np.outer(x_mean, x_mean)
            right -= self._n_samples * np.outer(y_mean, x_mean)
        matrix[np.diag_indices(n)] += regularisation
        # Without regularisation a pivot that is only rounding must not pass for one.
        tolerance = 0.0 if regularisation else n * np.finfo(np.float64).eps
        try:
            weights = self._algebra.gram_solve(matrix, right, tolerance)
        except ArgumentError as error:
            raise ArgumentError(
                f"{self._n_samples} samples of {n} features do not determine the weights with the "
                f"regularisation {regularisation:g}; take a larger one or more samples."
            ) from error
        if not self._with_bias:
            return weights
        bias = y_mean + self._shift[n:] - weights @ (x_mean + self._shift[:n])
        return np.hstack([weights, bias[:, None]])

    def _learned(self) -> Floats:
        if self._solved is None:
            self.solve()
        assert self._solved is not None
        return self._solved

    def _array(self, name: str) -> Any:
        return {"gram": self._gram, "shift": self._shift}[name]

    def _restore(self, arrays: dict[str, Floats]) -> None:
        for name, array in arrays.items():
            here = self._array(name)
            if array.shape != here.shape or not np.isfinite(array).all():
                raise ArgumentError(f"{name} has the shape {array.shape}, not {here.shape}.")
        self._gram, self._shift = arrays["gram"], arrays["shift"]

    def __repr__(self) -> str:
        """The settings, and how much was learned."""
        return (
            f"Ridge(regularisation={self._regularisation:g}, bias={self._with_bias}, "
            f"n_samples={self._n_samples})"
        )
