"""Integrating y' = f(t, y) by explicit Runge-Kutta methods with steps of one length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from .coproducts import Number
from .rungekutta import Tableau

Vector = NDArray[np.floating[Any]]
RightHandSide = Callable[[float, Vector], ArrayLike]

_KEPT = (np.float32, np.float64, np.longdouble)

MAX_NUMBERS = 1 << 27
"""The most numbers of a trajectory: 1 GiB of float64."""


def step(method: Tableau, f: RightHandSide, t: float, y: ArrayLike, h: float) -> Vector:
    """One explicit step.

    Parameters
    ----------
    method : Tableau
        An explicit method.
    f : callable
        y' of t and y, of y's shape.
    t : float
        The time before the step.
    y : array_like
        The state, of any shape: float32 and longdouble stay, all else becomes float64.
    h : float
        The step.

    Raises
    ------
    ArgumentError
        If the method is implicit, t, y, h or the result is not finite, or f gives another shape.

    Examples
    --------
    >>> heun = Tableau([[], [1]], ["1/2", "1/2"])
    >>> step(heun, lambda t, y: -y, 0.0, [1.0], 0.5)
    array([0.625])
    """
    return Stepper(method, f, y).step(_finite(t, "t"), _finite(h, "h"))[0]


def step_with_error(
    method: Tableau, f: RightHandSide, t: float, y: ArrayLike, h: float
) -> tuple[Vector, Vector]:
    """One explicit step, and how far the embedded method is from it.

    Parameters and errors are those of `step`; there must be embedded weights.
    """
    method.pair()
    stepper = Stepper(method, f, y)
    after, slopes = stepper.step(_finite(t, "t"), _finite(h, "h"))
    return after, stepper.error(slopes, h)


def integrate(
    method: Tableau,
    f: RightHandSide,
    y: ArrayLike,
    *,
    start: float = 0.0,
    end: float,
    steps: int,
) -> Vector:
    """The trajectory by explicit steps of one length.

    Parameters
    ----------
    method : Tableau
        An explicit method.
    f : callable
        y' of t and y, of y's shape.
    y : array_like
        The state at the start, of any shape: float32 and longdouble stay, all else becomes float64.
    start, end : float
        The times; the end may be the earlier one.
    steps : int
        How many steps, at least 1.

    Returns
    -------
    ndarray
        (steps + 1, ...): the states, the first one included.

    Raises
    ------
    ArgumentError
        If the method is implicit, a number is not finite, f gives another shape, the
        trajectory is too long, or the solution overflows.

    Examples
    --------
    >>> euler = Tableau([[]], [1])
    >>> integrate(euler, lambda t, y: -y, [1.0], end=1.0, steps=2)
    array([[1.  ],
           [0.5 ],
           [0.25]])
    """
    stepper = Stepper(method, f, y)
    begin, stop = _finite(start, "start"), _finite(end, "end")
    size = max(stepper.y.size, 1)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ArgumentError(f"steps is {steps!r}; it must be an integer of at least 1.")
    if (steps + 1) * size > MAX_NUMBERS:
        raise ArgumentError(
            f"steps is {steps}; with {size} numbers a state at most "
            f"{MAX_NUMBERS // size - 1} steps fit."
        )
    h = (stop - begin) / steps
    found = np.empty((steps + 1, *stepper.y.shape), stepper.y.dtype)
    found[0] = stepper.y
    for i in range(steps):
        # From the start, not from the step before: sums of h would drift.
        found[i + 1] = stepper.step(begin + i * h, h)[0]
    return found


def measured_order(
    method: Tableau,
    f: RightHandSide,
    y: ArrayLike,
    *,
    end: float,
    exact: ArrayLike,
    steps: Sequence[int],
) -> float:
    """The slope of log(error) over log(h), by least squares: what a method really does.

    Parameters
    ----------
    method : Tableau
        An explicit method.
    f : callable
        y' of t and y.
    y : array_like
        The state at time 0.
    end : float
        The time at which the error is taken, in the maximum norm.
    exact : array_like
        The solution there.
    steps : sequence of int
        At least two different numbers of steps. Too few leave the asymptotic range, too many
        meet rounding.

    Raises
    ------
    ArgumentError
        As `integrate`; or if there is one number of steps only, or an error is 0.

    Examples
    --------
    >>> heun = Tableau([[], [1]], ["1/2", "1/2"])
    >>> round(measured_order(heun, lambda t, y: -y, [1.0], end=1.0, exact=np.exp([-1.0]),
    ...                      steps=[64, 128, 256]), 1)
    2.0
    """
    if len(set(steps)) < 2:
        raise ArgumentError(f"steps is {steps!r}; a slope needs two different numbers of steps.")
    errors = []
    for count in steps:
        last = integrate(method, f, y, end=end, steps=count)[-1]
        errors.append(float(np.max(np.abs(last - np.asarray(exact)))))
        if not errors[-1] > 0:
            raise ArgumentError(f"the error after {count} steps is {errors[-1]}; take fewer steps.")
    slope, _ = np.polyfit(-np.log(steps), np.log(errors), 1)
    return float(slope)


class Stepper:
    """A method with its coefficients in the state's own type, and the present state.

    Parameters and errors are those of `step`.
    """

    def __init__(self, method: Tableau, f: RightHandSide, y: ArrayLike) -> None:
        if not method.explicit:
            raise ArgumentError(
                f"the method {method.name!r} is implicit; only explicit methods make steps."
            )
        try:
            state = np.array(y)
            dtype = state.dtype if state.dtype in _KEPT else np.dtype(np.float64)
            self.y: Vector = state.astype(dtype, casting="same_kind")
        except (TypeError, ValueError):
            raise ArgumentError(f"y is {y!r}; it must hold real numbers only.") from None
        if not np.isfinite(self.y).all():
            raise ArgumentError("y has numbers that are not finite; a state must be finite.")
        self._f = f
        self._a = np.stack([_floats(row, dtype) for row in method.a])
        self._b = _floats(method.b, dtype)
        self._c = [float(x) for x in method.c]
        pairs = zip(method.b, method.embedded or method.b, strict=True)
        self._off = _floats([weight - other for weight, other in pairs], dtype)

    def step(self, t: float, h: float) -> tuple[Vector, Vector]:
        """The state after a step, which is kept, and the (s, ...) slopes of the stages."""
        slopes = np.empty((len(self._b), *self.y.shape), self.y.dtype)
        size = self.y.dtype.type(h)
        with np.errstate(all="ignore"):
            for i, row in enumerate(self._a):
                # A new array each time: f may keep or change what it gets.
                stage = self.y + size * np.tensordot(row[:i], slopes[:i], 1)
                slope = np.asarray(self._f(t + self._c[i] * h, stage))
                if slope.shape != self.y.shape or slope.dtype.kind not in "biuf":
                    raise ArgumentError(
                        f"f gives {slope.dtype} of the shape {slope.shape}; it must give real "
                        f"numbers of the shape of y, {self.y.shape}."
                    )
                slopes[i] = slope
            after = self.y + size * np.tensordot(self._b, slopes, 1)
        if not np.isfinite(after).all():
            raise ArgumentError(
                f"the solution is not finite after the step from t = {t:g} of length {h:g}; take "
                "smaller steps."
            )
        self.y = after
        return after, slopes

    def error(self, slopes: Vector, h: float) -> Vector:
        """The step less the embedded one."""
        found: Vector = np.tensordot(self._off, slopes, 1) * self.y.dtype.type(h)
        return found


def _floats(numbers: Sequence[Number], dtype: np.dtype[Any]) -> Vector:
    """Coefficients as floats; long doubles by a division, since ``float`` would round first."""
    if dtype != np.longdouble:
        return np.array([float(x) for x in numbers]).astype(dtype)
    parts = [x.as_integer_ratio() for x in numbers]
    return np.array([np.longdouble(p) / np.longdouble(q) for p, q in parts])


def _finite(value: float, name: str) -> float:
    try:
        if isfinite(value):
            return float(value)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(f"{name} is {value!r}; it must be a finite number.")
