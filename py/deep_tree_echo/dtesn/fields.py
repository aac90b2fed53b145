r"""Vector fields with all their directional derivatives.

A B-series of a field \(f\) needs \(f^{(k)}(y)(v_1, \dots, v_k)\), the k-th derivative applied to k
directions. Anything that has the two methods of `Field` will do; there are two kinds here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from .jets import Jet, jet

Floats = NDArray[np.float64]
Derivative = Callable[[Sequence[Floats]], Floats]
"""The (n,) k-th derivative at some point, applied to k (n,) directions; k is at least 1."""


class Field(Protocol):
    """A smooth autonomous vector field, y' = f(y)."""

    def __call__(self, y: Floats, /) -> Floats:
        """The (n,) value at the (n,) point y."""

    def at(self, y: Floats, /) -> Derivative:
        """All derivatives at the (n,) point y, as one function of the directions."""


class ReservoirField:
    r"""A continuous-time reservoir, \(f(x) = -x + \tanh(Wx + b)\), in closed form.

    The derivatives of tanh are polynomials in it: \(P_0(t) = t\) and
    \(P_{k+1}(t) = (1 - t^2)\,P_k'(t)\), so

    \[ f^{(k)}(x)(v_1, \dots, v_k) = P_k(\tanh(Wx + b)) \odot Wv_1 \odot \dots \odot Wv_k \]

    for \(k \ge 2\), with \(-v_1\) added for \(k = 1\).

    Parameters
    ----------
    weights : array_like
        (n, n) float64 matrix \(W\).
    bias : array_like, optional
        (n,) float64 vector \(b\): the bias and the input that is held over the step; 0 if absent.

    Raises
    ------
    ArgumentError
        If the shapes do not fit or a number is not finite.

    Examples
    --------
    >>> field = ReservoirField([[0.0, 1.0], [-1.0, 0.0]])
    >>> field(np.array([0.0, 0.0]))
    array([0., 0.])
    >>> field.at(np.zeros(2))([np.array([1.0, 2.0])])
    array([ 1., -3.])
    """

    def __init__(self, weights: ArrayLike, bias: ArrayLike | None = None) -> None:
        w = finite_array(weights, "weights")
        if w.ndim != 2 or w.shape[0] != w.shape[1] or not w.size:
            raise ArgumentError(f"weights has the shape {w.shape}; it must be a square matrix.")
        b = np.zeros(len(w)) if bias is None else finite_array(bias, "bias")
        if b.shape != w.shape[:1]:
            raise ArgumentError(f"bias has the shape {b.shape}; it must be {w.shape[:1]}.")
        self.weights = w  # (n, n) float64
        self.bias = b  # (n,) float64

    def __call__(self, y: Floats, /) -> Floats:
        """The (n,) value at y."""
        return self._tanh(y) - y

    def at(self, y: Floats, /) -> Derivative:
        """All derivatives at y, as one function of the directions."""
        t = self._tanh(y)
        # A direction comes back in every larger tree: it is multiplied by W once. Arrays can be
        # changed, so what was multiplied is kept for comparison.
        known: dict[int, tuple[Floats, Floats]] = {}

        def weighted(direction: Floats) -> Floats:
            before, product = known.get(id(direction), (None, direction))
            if before is None or not np.array_equal(before, direction):
                product = self.weights @ direction
                known[id(direction)] = direction.copy(), product
            return product

        def derivative(directions: Sequence[Floats]) -> Floats:
            polynomial = tanh_derivative(len(directions))
            found = np.asarray(np.polynomial.polynomial.polyval(t, polynomial), dtype=np.float64)
            for direction in directions:
                found = found * weighted(direction)
            return found - directions[0] if len(directions) == 1 else found

        return derivative

    def _tanh(self, y: Floats) -> Floats:
        if y.shape != self.bias.shape:
            raise ArgumentError(f"y has {y.size} numbers; the reservoir has {self.bias.size}.")
        found: Floats = np.tanh(self.weights @ y + self.bias)
        return found


class SmoothField:
    """Any field that is written with NumPy's elementary functions.

    Its derivatives are exact up to rounding: the function is run on truncated polynomials with
    one variable for each direction, see `Jet`.

    Parameters
    ----------
    function : callable
        y' of y, both (n,). It may index y, use ``+ - * / **``, ``matrix @ y`` and the NumPy
        functions named in `Jet`, and may return a list of n numbers.

    Examples
    --------
    >>> pendulum = SmoothField(lambda y: [y[1], -np.sin(y[0])])
    >>> pendulum(np.array([0.0, 3.0]))
    array([ 3., -0.])
    >>> pendulum.at(np.array([0.0, 3.0]))([np.array([1.0, 0.5])])
    array([ 0.5, -1. ])
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise ArgumentError(f"function is {function!r}; it must be a function of y.")
        self._function = function

    def __call__(self, y: Floats, /) -> Floats:
        """The (n,) value at y."""
        return self._value(self._function(y), y)

    def at(self, y: Floats, /) -> Derivative:
        """All derivatives at y, as one function of the directions."""

        def derivative(directions: Sequence[Floats]) -> Floats:
            result = self._function(jet(y, directions))
            if isinstance(result, Jet):
                return self._value(result.top(), y)
            tops = [part.top() if isinstance(part, Jet) else 0.0 for part in result]
            return self._value(tops, y)

        return derivative

    @staticmethod
    def _value(result: Any, y: Floats) -> Floats:
        value = np.asarray(result, dtype=np.float64)
        if value.shape != y.shape:
            raise ArgumentError(
                f"the field gives the shape {value.shape} at y of the shape {y.shape}; both must "
                "be the same."
            )
        return value


def tanh_derivative(k: int) -> list[int]:
    r"""The coefficients of \(P_k\), the k-th derivative of tanh in powers of tanh, lowest first.

    Examples
    --------
    >>> tanh_derivative(1), tanh_derivative(2)
    ([1, 0, -1], [0, -2, 0, 2])
    """
    polynomial = [0, 1]
    for _ in range(k):
        slope = [i * c for i, c in enumerate(polynomial)][1:]
        polynomial = [a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return polynomial


def finite_array(values: ArrayLike, name: str) -> Floats:
    """``values`` as float64, if all are finite numbers.

    Raises
    ------
    ArgumentError
        If they are not.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is {values!r}; it must hold numbers only.") from None
    if not np.isfinite(array).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ArgumentError(
            f"{name} has {array[first]} at {list(first)}; all numbers must be finite."
        )
    return array
