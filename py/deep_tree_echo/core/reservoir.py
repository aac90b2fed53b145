"""``echo_reservoir``: leaky units and their weights."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_double, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .library import HANDLE, SIGNATURES, Owner, address, check, library, make

Real = NDArray[np.floating[Any]]


class _ReservoirSettings(ctypes.Structure):
    """``echo_reservoir_settings``."""

    _fields_ = (
        ("size", c_uint32),
        ("n_inputs", c_uint32),
        ("n_feedback", c_uint32),
        ("activation", c_int32),
        ("element_bytes", c_int32),
        ("reserved", c_int32),
        ("noise", c_double),
    )


class _ReservoirWeights(ctypes.Structure):
    """``echo_reservoir_weights``."""

    _fields_ = (
        ("starts", c_void_p),
        ("columns", c_void_p),
        ("values", c_void_p),
        ("inputs", c_void_p),
        ("feedback", c_void_p),
        ("bias", c_void_p),
        ("leak", c_void_p),
    )


SIGNATURES |= {
    "echo_reservoir_new": (
        c_int32,
        POINTER(_ReservoirSettings),
        POINTER(_ReservoirWeights),
        HANDLE,
    ),
    "echo_reservoir_free": (None, c_void_p),
    "echo_reservoir_run": (
        c_int32,
        c_void_p,
        c_void_p,
        c_void_p,
        c_size_t,
        c_void_p,
        c_void_p,
        c_void_p,
    ),
}


class Reservoir(Owner):
    """``echo_reservoir``: leaky units and their weights, all float32 or all float64.

    Parameters
    ----------
    starts : ndarray
        (size + 1,) uint64, where each row begins in the next two.
    columns : ndarray
        (nnz,) uint32, rising within a row.
    values : ndarray
        (nnz,) recurrent weights.
    inputs : ndarray
        (size, n_inputs).
    feedback : ndarray
        (size, n_feedback).
    bias, leak : ndarray
        (size,).
    activation : int
        An ``echo_activation``.
    noise : float
        Its standard deviation.
    """

    _noun = "reservoir"

    def __init__(
        self,
        starts: NDArray[np.uint64],
        columns: NDArray[np.uint32],
        values: Real,
        inputs: Real,
        feedback: Real,
        bias: Real,
        leak: Real,
        activation: int,
        noise: float,
    ) -> None:
        settings = _ReservoirSettings(
            len(bias),
            inputs.shape[1],
            feedback.shape[1],
            activation,
            values.itemsize,
            0,
            noise,
        )
        arrays = (starts, columns, values, inputs, feedback, bias, leak)
        weights = _ReservoirWeights(*(address(array) for array in arrays))
        c = library()
        super().__init__(
            make(c.echo_reservoir_new, ctypes.byref(settings), ctypes.byref(weights)),
            c.echo_reservoir_free,
        )
        self._run = c.echo_reservoir_run
        self._random = c_uint64()
        self._random_at = ctypes.addressof(self._random)

    def run(self, inputs: Real, feedback: Real, state: Real, random: int, states: Real) -> int:
        """Runs a whole sequence and gives the generator's state afterwards.

        ``inputs`` is (T, n_inputs), ``feedback`` (T, n_feedback); ``state`` (size,) and ``states``
        (T, size) are written.
        """
        with self._lock:
            self._random.value = random
            status = self._run(
                self._handle,
                address(inputs),
                address(feedback),
                len(inputs),
                address(state),
                self._random_at,
                address(states),
            )
            if status:
                check(status)
            return self._random.value
