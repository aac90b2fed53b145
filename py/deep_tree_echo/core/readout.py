"""The readouts of ``echo.h``: Gram matrices, linear systems, recursive least squares, LMS.

All arrays are float64, contiguous and of the shapes that ``echo.h`` names.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int32, c_size_t, c_uint64, c_void_p

import numpy as np
from numpy.typing import NDArray

from .library import HANDLE, SIGNATURES, Owner, address, check, library, make

Floats = NDArray[np.float64]


class _RlsSettings(ctypes.Structure):
    """``echo_rls_settings``."""

    _fields_ = (
        ("n_features", c_uint64),
        ("n_outputs", c_uint64),
        ("start", c_double),
        ("forgetting", c_double),
        ("bias", c_int32),
        ("reserved", c_int32),
    )


class _LmsSettings(ctypes.Structure):
    """``echo_lms_settings``."""

    _fields_ = (
        ("n_features", c_uint64),
        ("n_outputs", c_uint64),
        ("rate", c_double),
        ("offset", c_double),
        ("bias", c_int32),
        ("normalised", c_int32),
    )


SIGNATURES |= {
    "echo_gram_add": (c_int32, c_void_p, c_size_t, c_size_t, c_size_t, c_void_p),
    "echo_gram_solve": (c_int32, c_void_p, c_size_t, c_double, c_void_p, c_size_t, c_void_p),
    "echo_rls_new": (c_int32, POINTER(_RlsSettings), HANDLE),
    "echo_rls_free": (None, c_void_p),
    "echo_rls_update": (c_int32, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p),
    "echo_rls_predict": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p),
    "echo_rls_get": (c_int32, c_void_p, c_void_p, c_void_p),
    "echo_rls_set": (c_int32, c_void_p, c_void_p, c_void_p),
    "echo_lms_update": (
        c_int32,
        POINTER(_LmsSettings),
        c_void_p,
        c_void_p,
        c_size_t,
        c_void_p,
        c_void_p,
    ),
}


def gram_add(rows: Floats, n: int, gram: Floats) -> None:
    """Adds to ``gram`` (n, width) the first n columns of rows (T, width), transposed, times rows.

    Only the elements (i, j) with j >= i are written.
    """
    steps, width = rows.shape
    check(library().echo_gram_add(address(rows), steps, width, n, address(gram)))


def gram_solve(matrix: Floats, right: Floats, tolerance: float) -> Floats:
    """The rows x (m, n) with x matrix = right (m, n), for a positive definite matrix (n, n).

    Raises
    ------
    ArgumentError
        If a pivot is not above ``tolerance`` times its diagonal element.
    """
    found = np.empty_like(right)
    m, n = right.shape
    check(
        library().echo_gram_solve(address(matrix), n, tolerance, address(right), m, address(found))
    )
    return found


class Rls(Owner):
    """``echo_rls``: recursive least squares.

    Parameters
    ----------
    n_features, n_outputs : int
        Without the bias.
    start : float
        The diagonal of P before the first sample.
    forgetting : float
        In (0, 1].
    bias : bool
        Whether there is a constant feature, the last one.
    """

    _noun = "readout"

    def __init__(
        self, n_features: int, n_outputs: int, start: float, forgetting: float, bias: bool
    ) -> None:
        c = library()
        settings = _RlsSettings(n_features, n_outputs, start, forgetting, bias, 0)
        super().__init__(make(c.echo_rls_new, ctypes.byref(settings)), c.echo_rls_free)
        self._n_outputs = n_outputs
        self._width = n_features + bias
        self._update = c.echo_rls_update

    def update(self, states: Floats, targets: Floats) -> Floats:
        """Learns from (T, n_features) with (T, n_outputs): what was predicted before, likewise."""
        outputs = np.empty_like(targets)
        with self._lock:
            status = self._update(
                self._handle, address(states), address(targets), len(states), address(outputs)
            )
            if status:
                check(status)
        return outputs

    def predict(self, states: Floats) -> Floats:
        """(T, n_outputs) for (T, n_features)."""
        outputs = np.empty((len(states), self._n_outputs))
        with self._lock:
            check(
                library().echo_rls_predict(
                    self._handle, address(states), len(states), address(outputs)
                )
            )
        return outputs

    def weights(self) -> Floats:
        """(n_outputs, n_features + bias)."""
        weights = np.empty((self._n_outputs, self._width))
        with self._lock:
            check(library().echo_rls_get(self._handle, address(weights), None))
        return weights

    def covariance(self) -> Floats:
        """(n_features + bias, n_features + bias): P."""
        covariance = np.empty((self._width, self._width))
        with self._lock:
            check(library().echo_rls_get(self._handle, None, address(covariance)))
        return covariance

    def set(self, weights: Floats, covariance: Floats) -> None:
        """Puts both to other values, of the same shapes."""
        with self._lock:
            check(library().echo_rls_set(self._handle, address(weights), address(covariance)))


def lms_update(
    states: Floats,
    targets: Floats,
    weights: Floats,
    *,
    rate: float,
    offset: float,
    bias: bool,
    normalised: bool,
) -> Floats:
    """Changes ``weights`` (m, n + bias) by states (T, n) and targets (T, m), one row at a time.

    Returns what was predicted before each change, (T, m).
    """
    n_outputs, width = weights.shape
    settings = _LmsSettings(width - bias, n_outputs, rate, offset, bias, normalised)
    outputs = np.empty_like(targets)
    check(
        library().echo_lms_update(
            ctypes.byref(settings),
            address(states),
            address(targets),
            len(states),
            address(weights),
            address(outputs),
        )
    )
    return outputs
