"""Samples for readouts: rows of states with rows of targets, read and checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError

__all__ = ["LARGEST", "rows_of", "samples"]

LARGEST = 1e60
"""Beyond this a number is refused, so that no sum of products overflows."""

Floats = NDArray[np.float64]


def rows_of(values: ArrayLike, name: str, width: int | None = None) -> Floats:
    """(T, width) float64 of finite numbers, contiguous; (T,) is one column.

    Parameters
    ----------
    values : array_like
        The rows.
    name : str
        What a sentence calls them.
    width : int, optional
        The columns there must be; any number of at least one if absent.

    Raises
    ------
    ArgumentError
        If they are something else.

    Examples
    --------
    >>> rows_of([1, 2, 3], "targets").shape
    (3, 1)
    """
    given = np.asarray(values)
    if given.dtype.kind not in "biuf":
        raise ArgumentError(f"{name} must hold real numbers only.")
    found = np.ascontiguousarray(given, dtype=np.float64)
    if given.ndim == 1 and width in (None, 1):
        found = found.reshape(-1, 1)
    if found.ndim != 2 or given.ndim == 0 or not found.shape[1]:
        raise ArgumentError(
            f"{name} has the shape {given.shape}; it must be (samples, {width or 'columns'})."
        )
    if width is not None and found.shape[1] != width:
        raise ArgumentError(f"{name} has {found.shape[1]} columns; it must have {width}.")
    # NaN fails the comparison, too. Sums find it faster than a look at each number.
    if not np.abs(found).max(initial=0.0) <= LARGEST:
        row, column = (int(i) for i in np.argwhere(~(np.abs(found) <= LARGEST))[0])
        raise ArgumentError(
            f"{name} has {found[row, column]} at [{row}, {column}]; all numbers must be finite and "
            f"at most {LARGEST:g}."
        )
    return found


def samples(
    states: ArrayLike, targets: ArrayLike, n_features: int | None, n_outputs: int | None
) -> tuple[Floats, Floats]:
    """States (T, n_features) with their targets (T, n_outputs), as `rows_of` gives them."""
    x = rows_of(states, "states", n_features)
    y = rows_of(targets, "targets", n_outputs)
    if len(x) != len(y):
        raise ArgumentError(f"states has {len(x)} rows and targets {len(y)}; give as many.")
    return x, y
