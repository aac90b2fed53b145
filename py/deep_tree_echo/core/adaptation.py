"""``echo_expect``: what four experts expect of the next token."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int32, c_size_t, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from .library import SIGNATURES, address, check, library


class Expectation(ctypes.Structure):
    """``echo_expectation``; arrays are given by their addresses."""

    _fields_ = (
        ("logits", c_void_p),
        ("tokens", c_void_p),
        ("corrections", c_void_p),
        ("contexts", c_void_p),
        ("followers", c_void_p),
        ("vector", c_void_p),
        ("weights", c_void_p),
        ("n_vocab", c_uint64),
        ("n_slots", c_uint64),
        ("n_contexts", c_uint64),
        ("width", c_uint64),
        ("resolutions", c_double * 2),
        ("most", c_double),
        ("count", c_double),
        ("alone", c_double),
        ("experts", c_void_p),
        ("mixed", c_void_p),
        ("signs", c_void_p),
        ("shares", c_void_p),
        ("rests", c_void_p),
        ("work", c_void_p),
        ("rest", c_double),
        ("log_sum", c_double),
    )


SIGNATURES |= {
    "echo_expect": (c_int32, POINTER(Expectation)),
    "echo_project": (c_int32, c_void_p, c_size_t, c_size_t, c_void_p, c_void_p),
}


def expect(expectation: Expectation) -> None:
    """Fills in what is found."""
    check(library().echo_expect(ctypes.byref(expectation)))


def project(matrix: NDArray[np.float32] | None, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The unit vector (n,) of matrix (n, width) times x (width,); ``None``: of x itself."""
    n, width = (x.size, x.size) if matrix is None else matrix.shape
    x = np.ascontiguousarray(x, np.float32)
    unit = np.empty(n, np.float32)
    at = None if matrix is None else address(matrix)
    check(library().echo_project(at, n, width, address(x), address(unit)))
    return unit
