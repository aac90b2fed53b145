"""Arguments of reservoirs: read, checked, and refused in one sentence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from .sparse import SparseMatrix

__all__ = [
    "MAX_SIZE",
    "count",
    "element_type",
    "fraction",
    "leak",
    "matrix_of",
    "number",
    "scaling",
    "seed",
    "sequence",
    "square",
    "vector",
]

MAX_SIZE = 1 << 16
"""The most units of one reservoir."""

Real = NDArray[np.floating[Any]]


def count(value: Any, name: str, least: int) -> int:
    """An integer from ``least`` to `MAX_SIZE`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"{name} is {value!r}; it must be an integer.")
    if not least <= value <= MAX_SIZE:
        raise ArgumentError(f"{name} is {value}; it must be from {least} to {MAX_SIZE}.")
    return int(value)


def number(value: Any, name: str, *, least: float = -math.inf) -> float:
    """A finite number of at least ``least``."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} is {value!r}; it must be a number.") from None
    if not math.isfinite(found):
        raise ArgumentError(f"{name} is {found}; it must be finite.")
    if found < least:
        raise ArgumentError(f"{name} is {found:g}; it must be at least {least:g}.")
    return found


def fraction(value: Any, name: str) -> float:
    """A number in (0, 1]."""
    found = number(value, name)
    if not 0 < found <= 1:
        raise ArgumentError(f"{name} is {found:g}; it must be above 0 and at most 1.")
    return found


def element_type(value: Any) -> np.dtype[Any]:
    """float32 or float64."""
    try:
        found: np.dtype[Any] = np.dtype(value)
    except TypeError:
        found = np.dtype(object)
    if value is None or found not in (np.float32, np.float64):
        raise ArgumentError(f"dtype is {value!r}; it must be 'float32' or 'float64'.")
    return found


def array(values: ArrayLike, name: str, dtype: np.dtype[Any]) -> Real:
    """A contiguous array of finite numbers of the type."""
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biuf":
            raise TypeError
        with np.errstate(over="ignore"):
            found: Real = np.ascontiguousarray(given, dtype=dtype).reshape(given.shape)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} must hold real numbers only.") from None
    if not np.isfinite(found).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
        where = f" at {list(first)}" if first else ""
        raise ArgumentError(
            f"{name} has {given[first]}{where}; all numbers must be finite in {dtype}."
        )
    return found


def vector(values: ArrayLike, name: str, size: int, dtype: np.dtype[Any]) -> Real:
    """(size,) finite numbers; one number alone will do if the size is 1."""
    found = array(values, name, dtype)
    if found.ndim == 0 and size == 1:
        found = found.reshape(1)
    if found.shape != (size,):
        raise ArgumentError(f"{name} has the shape {found.shape}; it must be {(size,)}.")
    return found


def sequence(values: ArrayLike, name: str, width: int, dtype: np.dtype[Any]) -> Real:
    """(T, width) finite numbers; (T,) will do if the width is 1."""
    found = array(values, name, dtype)
    if found.ndim == 1 and width == 1:
        found = found.reshape(-1, 1)
    if found.ndim != 2 or found.shape[1] != width:
        raise ArgumentError(
            f"{name} has the shape {found.shape}; it must be (steps, {width}), a row a step."
        )
    return found


def matrix_of(values: ArrayLike, name: str, rows: int, dtype: np.dtype[Any]) -> Real:
    """(rows, columns) finite numbers; (rows,) is one column."""
    if isinstance(values, SparseMatrix):
        values = values.to_dense()
    elif hasattr(values, "toarray"):
        values = values.toarray()
    found = array(values, name, dtype)
    if found.ndim == 1:
        found = found.reshape(-1, 1)
    if found.ndim != 2 or len(found) != rows:
        raise ArgumentError(
            f"{name} has the shape {found.shape}; it must have {rows} rows, one a unit."
        )
    return found


def square(values: Any, dtype: np.dtype[Any]) -> SparseMatrix | Real:
    """The recurrent matrix: ours, SciPy's, or an array, which stays one."""
    if hasattr(values, "tocsr"):
        csr = values.tocsr()
        csr.sum_duplicates()
        values = SparseMatrix(csr.data, csr.indices, csr.indptr, csr.shape)
    found: SparseMatrix | Real
    if isinstance(values, SparseMatrix):
        found = values if values.dtype == dtype else values.astype(dtype)
    else:
        found = array(values, "recurrent", dtype)
    if len(found.shape) != 2 or found.shape[0] != found.shape[1] or not found.shape[0]:
        raise ArgumentError(f"recurrent has the shape {found.shape}; it must be a square matrix.")
    count(found.shape[0], "the number of units", 1)
    return found


def leak(value: ArrayLike, size: int, dtype: np.dtype[Any]) -> float | Real:
    """One leak rate, or one a unit, in (0, 1]."""
    if np.ndim(value) == 0:
        return fraction(value, "leak_rate")
    found = vector(value, "leak_rate", size, dtype)
    if not ((found > 0) & (found <= 1)).all():
        first = int(np.flatnonzero((found <= 0) | (found > 1))[0])
        raise ArgumentError(
            f"leak_rate has {found[first]:g} at [{first}]; all must be above 0 and at most 1."
        )
    return found


def scaling(value: ArrayLike, name: str, width: int) -> Real:
    """(width,) one factor for all columns, or one a column."""
    if np.ndim(value) == 0:
        return np.full(width, number(value, name))
    return vector(value, name, width, np.dtype(np.float64))


def seed(value: Any) -> int:
    """An integer in [0, 2**64)."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"seed is {value!r}; it must be an integer.")
    if not 0 <= value < 1 << 64:
        raise ArgumentError(f"seed is {value}; it must be from 0 to 2**64 - 1.")
    return int(value)
