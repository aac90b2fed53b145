r"""Truncated polynomials in several small variables: derivatives of any order without error terms.

A `Jet` is \(\sum_{S} a_S \prod_{i \in S} \varepsilon_i\) over the sets \(S\) of variables, with
\(\varepsilon_i^2 = 0\). At \(y + \sum_i \varepsilon_i v_i\) a smooth function has the coefficient
\(f^{(k)}(y)(v_1, \dots, v_k)\) at \(\varepsilon_1 \cdots \varepsilon_k\). For a function
\(g\) of one number, \(g(a + n) = \sum_{j \le k} g^{(j)}(a)\, n^j / j!\) has an end, since
\(n\) is nilpotent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError

Floats = NDArray[np.float64]


class Jet:
    """An array of truncated polynomials that NumPy's operators and functions work on.

    Known are ``+ - * / **``, ``@`` with a constant matrix or another vector, indexing, and the
    NumPy functions add, subtract, multiply, divide, power, matmul, negative, positive, square,
    reciprocal, sqrt, exp, log, sin, cos, tan, sinh, cosh and tanh.

    Parameters
    ----------
    parts : ndarray
        (2**k, ...) float64: the coefficient of a set of variables at the place whose bits name
        the set; place 0 has the value.

    Examples
    --------
    >>> x = jet(np.array([2.0]), [np.array([1.0]), np.array([1.0])])
    >>> (x**3).top()  # (x³)'' = 6x
    array([12.])
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Floats) -> None:
        self.parts = parts  # (2**k, ...) float64

    def top(self) -> Floats:
        """The coefficient of the product of all variables."""
        return np.asarray(self.parts[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.parts.shape[1:]

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, index: Any) -> Jet:
        places = index if isinstance(index, tuple) else (index,)
        return Jet(self.parts[(slice(None), *places)])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Jet:
        operation = _OPERATIONS.get(ufunc.__name__)
        if operation is None or method != "__call__" or options:
            raise ArgumentError(
                f"the field uses numpy.{ufunc.__name__}; a SmoothField can use "
                f"{', '.join(sorted(_OPERATIONS))}."
            )
        return operation(*inputs)

    def __array_function__(self, function: Any, *_: Any) -> Jet:
        raise ArgumentError(
            f"the field uses numpy.{function.__name__}; a SmoothField can use "
            f"{', '.join(sorted(_OPERATIONS))}, and return a list."
        )

    def __neg__(self) -> Jet:
        return Jet(-self.parts)

    def __pos__(self) -> Jet:
        return self

    def __add__(self, other: Any) -> Jet:
        return _sum(self, other)

    def __radd__(self, other: Any) -> Jet:
        return _sum(other, self)

    def __sub__(self, other: Any) -> Jet:
        return _sum(self, -other)

    def __rsub__(self, other: Any) -> Jet:
        return _sum(other, -self)

    def __mul__(self, other: Any) -> Jet:
        return _product(self, other)

    def __rmul__(self, other: Any) -> Jet:
        return _product(other, self)

    def __truediv__(self, other: Any) -> Jet:
        return _product(self, 1.0 / other)

    def __rtruediv__(self, other: Any) -> Jet:
        return _product(other, _power(self, -1.0))

    def __pow__(self, exponent: Any) -> Jet:
        return _power(self, exponent)

    def __rpow__(self, base: Any) -> Jet:
        return _power(base, self)

    def __matmul__(self, other: Any) -> Jet:
        return _matrix_product(self, other)

    def __rmatmul__(self, other: Any) -> Jet:
        return _matrix_product(other, self)


def jet(value: Floats, directions: Sequence[Floats]) -> Jet:
    """A point with a variable for each direction.

    Parameters
    ----------
    value : ndarray
        (n,) float64: the point.
    directions : sequence of ndarray
        k times (n,) float64: the coefficients of the variables.
    """
    parts = np.zeros((2 ** len(directions), *value.shape))
    parts[0] = value
    for i, direction in enumerate(directions):
        parts[2**i] = direction
    return Jet(parts)


def _sum(a: Any, b: Any) -> Jet:
    if isinstance(a, Jet) and isinstance(b, Jet):
        return Jet(_aligned(a, b) + _aligned(b, a))
    polynomial, constant = (a, b) if isinstance(a, Jet) else (b, a)
    constant = np.asarray(constant, dtype=np.float64)
    shape = np.broadcast_shapes(polynomial.shape, constant.shape)
    parts = np.broadcast_to(_aligned(polynomial, constant), (len(polynomial.parts), *shape)).copy()
    parts[0] += constant
    return Jet(parts)


def _product(a: Any, b: Any) -> Jet:
    if isinstance(a, Jet) and isinstance(b, Jet):
        return Jet(_convolved(_aligned(a, b), _aligned(b, a)))
    polynomial, constant = (a, b) if isinstance(a, Jet) else (b, a)
    constant = np.asarray(constant, dtype=np.float64)
    return Jet(_aligned(polynomial, constant) * constant)


def _aligned(a: Jet, b: Any) -> Floats:
    """The parts of ``a`` with axes added before its value's, so that they broadcast with ``b``."""
    missing = max(len(b.shape) - len(a.shape), 0)
    return a.parts.reshape(len(a.parts), *(1,) * missing, *a.shape)


def _convolved(a: Floats, b: Floats) -> Floats:
    """The product of two polynomials: every set from two disjoint ones."""
    if len(a) == 1:
        return a * b
    half = len(a) // 2
    low = _convolved(a[:half], b[:half])
    high = _convolved(a[:half], b[half:]) + _convolved(a[half:], b[:half])
    return np.concatenate([low, high])


def _power(a: Any, exponent: Any) -> Jet:
    if isinstance(exponent, Jet):
        raise ArgumentError(
            "the field raises to a power that depends on y; write it with exp and log."
        )
    if np.ndim(exponent) or not np.isfinite(exponent):
        raise ArgumentError(f"the field has the exponent {exponent!r}; it must be one number.")
    power = float(exponent)

    def derivatives(x: Floats, k: int) -> list[Floats]:
        found, factor = [], 1.0
        for j in range(k + 1):
            # After the last derivative of an integer power there is 0, and not 0 times infinity.
            found.append(factor * x ** (power - j) if factor else np.zeros_like(x))
            factor *= power - j
        return found

    return _applied(derivatives, a)


def _matrix_product(a: Any, b: Any) -> Jet:
    """A constant matrix or vector times a vector, either way round, or two vectors' product."""
    if isinstance(a, Jet) and isinstance(b, Jet):
        if len(a.shape) == len(b.shape) == 1:
            return Jet((a * b).parts.sum(axis=-1))
    elif isinstance(a, Jet) and len(a.shape) == 1 and np.ndim(b) <= 2:
        return Jet(a.parts @ np.asarray(b, dtype=np.float64))
    elif isinstance(b, Jet) and len(b.shape) == 1 and np.ndim(a) <= 2:
        return Jet(b.parts @ np.asarray(a, dtype=np.float64).T)
    raise ArgumentError("the field multiplies matrices that depend on y; write out the sums.")


Derivatives = Callable[[Floats, int], Sequence[Floats]]


def _applied(derivatives: Derivatives, a: Jet) -> Jet:
    """A function of one number, given all its derivatives up to the k-th at a point."""
    k = len(a.parts).bit_length() - 1
    values = derivatives(a.parts[0], k)
    nilpotent = a.parts.copy()
    nilpotent[0] = 0.0
    # Horner's scheme, from the k-th derivative down.
    found = np.zeros_like(nilpotent)
    for j in range(k, -1, -1):
        found = _convolved(found, nilpotent) / (j + 1)
        found[0] += values[j]
    return Jet(found)


def _cycle(*functions: Callable[[Floats], Floats]) -> Derivatives:
    """Derivatives that repeat."""

    def derivatives(x: Floats, k: int) -> list[Floats]:
        return [functions[j % len(functions)](x) for j in range(k + 1)]

    return derivatives


def _polynomials(function: Callable[[Floats], Floats], sign: int) -> Derivatives:
    """Derivatives of a function with g' = 1 + sign g², as polynomials in it."""

    def derivatives(x: Floats, k: int) -> list[Floats]:
        t = function(x)
        polynomial = np.polynomial.Polynomial([0.0, 1.0])
        slope = np.polynomial.Polynomial([1.0, 0.0, sign])
        found = []
        for _ in range(k + 1):
            found.append(polynomial(t))
            polynomial = polynomial.deriv() * slope
        return found

    return derivatives


def _logarithm(x: Floats, k: int) -> list[Floats]:
    found = [np.log(x)]
    factor = 1.0
    for j in range(1, k + 1):
        found.append(factor * x**-j)
        factor *= -j
    return found


def _unary(derivatives: Derivatives) -> Callable[[Jet], Jet]:
    return lambda a: _applied(derivatives, a)


def _minus(x: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda value: -x(value)


_OPERATIONS: dict[str, Callable[..., Jet]] = {
    "add": _sum,
    "subtract": lambda a, b: _sum(a, -b),
    "multiply": _product,
    "divide": lambda a, b: a / b if isinstance(a, Jet) else b.__rtruediv__(a),
    "power": _power,
    "matmul": _matrix_product,
    "negative": lambda a: -a,
    "positive": lambda a: a,
    "square": lambda a: a * a,
    "reciprocal": lambda a: _power(a, -1.0),
    "sqrt": lambda a: _power(a, 0.5),
    "exp": _unary(_cycle(np.exp)),
    "log": _unary(_logarithm),
    "sin": _unary(_cycle(np.sin, np.cos, _minus(np.sin), _minus(np.cos))),
    "cos": _unary(_cycle(np.cos, _minus(np.sin), _minus(np.cos), np.sin)),
    "tan": _unary(_polynomials(np.tan, 1)),
    "sinh": _unary(_cycle(np.sinh, np.cosh)),
    "cosh": _unary(_cycle(np.cosh, np.sinh)),
    "tanh": _unary(_polynomials(np.tanh, -1)),
}
