r"""Elementary differentials, and B-series as numbers.

\[ F(\bullet)(y) = f(y), \qquad F([\tau_1, \dots, \tau_m])(y)
   = f^{(m)}(y)\bigl(F(\tau_1)(y), \dots, F(\tau_m)(y)\bigr) \]

(Hairer, Lubich and Wanner, *Geometric Numerical Integration*, section III.1.1).
"""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ArgumentError
from .bseries import BSeries
from .enumeration import checked_order, trees_up_to
from .fields import Field, Floats, finite_array
from .trees import RootedTree


def elementary_differentials(field: Field, y: ArrayLike, order: int) -> dict[RootedTree, Floats]:
    r"""\(F(\tau)(y)\) for all trees up to an order.

    Parameters
    ----------
    field : Field
        The vector field: a `ReservoirField`, a `SmoothField` or one of your own.
    y : array_like
        (n,) float64: the point.
    order : int
        From 1 to 12.

    Returns
    -------
    dict
        (n,) float64 for each tree, the smaller trees first.

    Raises
    ------
    ArgumentError
        If y is no vector of finite numbers, or the field gives none there.

    Examples
    --------
    >>> from deep_tree_echo.dtesn import SmoothField
    >>> for tree, value in elementary_differentials(SmoothField(lambda y: y * y), [3.0], 3).items():
    ...     print(tree, value)
    • [9.]
    [•] [54.]
    [[•]] [324.]
    [•,•] [162.]
    """
    checked_order(order)
    point = finite_array(y, "y")
    if point.ndim != 1 or not point.size:
        raise ArgumentError(f"y has the shape {point.shape}; it must be a vector.")
    found: dict[RootedTree, Floats] = {}
    with np.errstate(all="ignore"):
        derivative = field.at(point)
        for tree in trees_up_to(order):
            if tree.children:
                value = derivative([found[child] for child in tree.children])
            else:
                value = field(point)
            if np.shape(value) != point.shape:
                raise ArgumentError(
                    f"the field gives the shape {np.shape(value)} for {tree}; it must be that of "
                    f"y, {point.shape}."
                )
            if not np.isfinite(value).all():
                raise ArgumentError(
                    f"the elementary differential of {tree} is not finite; take another y or a "
                    "lower order."
                )
            found[tree] = value
    return found


def evaluate(series: BSeries, field: Field, y: ArrayLike, h: float) -> Floats:
    r"""\(a(\emptyset)\,y + \sum_\tau h^{|\tau|}\,a(\tau)\,F(\tau)(y) / \sigma(\tau)\), as numbers.

    Parameters
    ----------
    series : BSeries
        The series, up to its order.
    field : Field
        The vector field f.
    y : array_like
        (n,) float64: the point.
    h : float
        The step.

    Returns
    -------
    ndarray
        (n,) float64.

    Raises
    ------
    ArgumentError
        If y or h is not finite, or the field gives no finite numbers.

    Examples
    --------
    >>> from deep_tree_echo.dtesn import SmoothField
    >>> evaluate(BSeries.exact(4), SmoothField(lambda y: y), [1.0], 1.0) # 1 + 1 + 1/2 + 1/6 + 1/24
    array([2.70833333])
    """
    if not isinstance(h, (int, float)) or not isfinite(h):
        raise ArgumentError(f"h is {h!r}; it must be a finite number.")
    differentials = elementary_differentials(field, y, series.order)
    found = float(series.empty) * finite_array(y, "y")
    # The small terms first, so that they are not lost.
    for tree, value in reversed(differentials.items()):
        weight = float(series[tree] / tree.symmetry)
        found += (weight * float(h) ** tree.order) * value
    return found
