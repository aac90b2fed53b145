"""The loaded library: which functions it has, how a call fails, and who frees what it makes."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from ctypes import POINTER, c_char, c_char_p, c_int32, c_size_t, c_void_p
from functools import cache
from typing import Any

from numpy.typing import NDArray

from .. import platform
from ..errors import (
    ArgumentError,
    BackendError,
    EchoError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)

ABI_VERSION = 3
"""The version of ``echo.h`` that this module is written for."""

TYPES = {
    "FP32": 0,
    "FP16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 7,
    "Q5_1": 8,
    "Q8_0": 9,
}
"""The element types of rwkv.cpp's files by name; the numbers are those of the files."""

READ_TYPES = TYPES | {"Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "BF16": 30}
"""Those that can be read: GGUF files have more, with ggml's numbers."""

FORMATS = ("rwkv.cpp", "GGUF")
"""The names of the files' formats, in the order of ``echo_format``."""

_ERRORS: dict[int, type[EchoError]] = {
    1: ArgumentError,
    2: ModelFormatError,
    3: UnsupportedModelError,
    4: MemoryBudgetError,
    5: MemoryBudgetError,
}

HANDLE = POINTER(c_void_p)
"""Where a call writes the object that it makes."""

SIGNATURES: dict[str, tuple[Any, ...]] = {
    # name: (result, arguments ...); each module of this package adds the functions it calls.
    # Pointers to arrays are void *: ctypes then takes plain addresses, which is the fastest.
    "echo_abi_version": (c_int32,),
    "echo_last_error": (c_char_p,),
    "echo_simd_targets": (c_char_p,),
    "echo_simd_force": (c_int32, c_char_p),
    "echo_row_bytes": (c_size_t, c_int32, c_size_t),
    "echo_quantize": (c_int32, c_int32, c_void_p, c_size_t, c_size_t, c_void_p),
    "echo_dequantize": (c_int32, c_int32, c_void_p, c_size_t, c_size_t, c_void_p),
}


@cache
def library() -> Any:
    """The loaded libecho, its functions typed.

    Raises
    ------
    BackendError
        If it is missing, cannot be loaded or has another version than this package.
    """
    path = platform.library_path()
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, *arguments) in SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except (OSError, AttributeError) as error:
        raise BackendError(f"{path} cannot be loaded: {error}.") from error
    if (version := loaded.echo_abi_version()) != ABI_VERSION:
        raise BackendError(
            f"{path} has version {version} of the interface and this package needs "
            f"{ABI_VERSION}; install or build both together."
        )
    return loaded


def check(status: int) -> None:
    """Raises the exception that belongs to a status other than ``ECHO_OK``."""
    if status:
        sentence = library().echo_last_error().decode("utf-8", "replace")
        raise _ERRORS.get(status, EchoError)(sentence or f"libecho failed with status {status}.")


def address(array: NDArray[Any]) -> int:
    """Where the first element of a contiguous array lies."""
    if array.flags.writeable and array.size:
        # Ten times as fast as the other way, which every token would pay for.
        return ctypes.addressof(c_char.from_buffer(array.data))
    return array.ctypes.data


def simd_targets() -> list[str]:
    """The SIMD targets that libecho can use on this machine, best first."""
    text: str = library().echo_simd_targets().decode("ascii")
    return text.split(",")


class Owner:
    """A C object: created by a call that writes its handle, freed once."""

    _noun = "object"

    def __init__(self, handle: int, free: Callable[[int], None]) -> None:
        self._pointer: int | None = handle
        self._lock: AbstractContextManager[Any] = threading.Lock()
        self._finalizer = weakref.finalize(self, free, handle)
        # When Python ends, the system takes the memory back faster than we can.
        self._finalizer.atexit = False

    @property
    def _handle(self) -> int:
        # Of a cycle that is collected, the object may be freed before what still uses it ends.
        if self._pointer is None or not self._finalizer.alive:
            raise ArgumentError(f"This {self._noun} is closed; make a new one.")
        return self._pointer

    @property
    def closed(self) -> bool:
        """Whether the C object has been freed."""
        return self._pointer is None

    def close(self) -> None:
        """Frees the C object now; harmless the second time."""
        with self._lock:
            self._pointer = None
            self._finalizer()


def make(function: Callable[..., int], *arguments: object) -> int:
    """The handle of the object that a call makes from some arguments."""
    handle = c_void_p()
    check(function(*arguments, ctypes.byref(handle)))
    assert handle.value is not None
    return handle.value
