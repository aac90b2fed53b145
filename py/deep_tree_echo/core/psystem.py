"""``echo_psystem``: a membrane system that runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_int32, c_size_t, c_uint64, c_void_p

import numpy as np

from .library import HANDLE, SIGNATURES, Owner, address, check, library, make


class _PSystemReport(ctypes.Structure):
    """``echo_psystem_report``."""

    _fields_ = (
        ("steps", c_uint64),
        ("random", c_uint64),
        ("ending", c_int32),
        ("reserved", c_int32),
    )


SIGNATURES |= {
    "echo_psystem_new": (c_int32, c_void_p, c_size_t, HANDLE),
    "echo_psystem_free": (None, c_void_p),
    "echo_psystem_set": (c_int32, c_void_p, c_void_p, c_size_t),
    "echo_psystem_run": (c_int32, c_void_p, c_size_t, POINTER(_PSystemReport)),
    "echo_psystem_get": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
    "echo_psystem_applied": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(c_size_t)),
}


class PSystem(Owner):
    """``echo_psystem``: a membrane system that runs.

    Parameters
    ----------
    program : sequence of int
        The words of its rules, as ``echo.h`` describes them.
    """

    _noun = "membrane system"

    def __init__(self, program: Sequence[int]) -> None:
        c = library()
        words = np.array(program, dtype=np.int64)
        super().__init__(make(c.echo_psystem_new, address(words), words.size), c.echo_psystem_free)
        self._report = _PSystemReport()
        self._buffer = np.empty(256, dtype=np.int64)

    def set(self, configuration: Sequence[int]) -> None:
        """Puts the system into a configuration, given by its words."""
        words = np.array(configuration, dtype=np.int64)
        with self._lock:
            check(library().echo_psystem_set(self._handle, address(words), words.size))

    def run(self, steps: int) -> tuple[int, int, int]:
        """Makes steps: how many, the generator's state, and the ending of ``echo.h``."""
        with self._lock:
            check(library().echo_psystem_run(self._handle, steps, ctypes.byref(self._report)))
            return self._report.steps, self._report.random, self._report.ending

    def get(self) -> list[int]:
        """The words of the configuration."""
        return self._read(library().echo_psystem_get)

    def applied(self) -> list[int]:
        """The words of what the last step applied."""
        return self._read(library().echo_psystem_applied)

    def _read(self, function: Callable[..., int]) -> list[int]:
        needed = c_size_t()
        with self._lock:
            while True:
                size = self._buffer.size
                check(function(self._handle, address(self._buffer), size, ctypes.byref(needed)))
                if needed.value <= size:
                    words: list[int] = self._buffer[: needed.value].tolist()
                    return words
                self._buffer = np.empty(needed.value, dtype=np.int64)
