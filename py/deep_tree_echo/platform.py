"""Where Python runs: the only module that knows CPython from Pyodide."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import BackendError

IN_PYODIDE = sys.platform == "emscripten"
"""Python itself is WebAssembly, in a browser or in Node."""

_PACKAGE = Path(__file__).resolve().parent
_SOURCES = _PACKAGE.parent.parent


# A function that takes one relaxed dot product of bytes and drops it.
_RELAXED_PROBE = bytes.fromhex(
    "0061736d01000000010401600000030201000a10010e004100fd0f4100fd0ffd92021a0b"
)


def has_relaxed_simd() -> bool:
    """Whether Python runs in a WebAssembly engine that knows relaxed SIMD.

    Examples
    --------
    >>> IN_PYODIDE or not has_relaxed_simd()
    True
    """
    if not IN_PYODIDE:
        return False
    probe = import_module("pyodide.ffi").to_js(_RELAXED_PROBE)
    return bool(import_module("js").WebAssembly.validate(probe))


def library_path() -> Path:
    """Where libecho lies: ``ECHO_LIBRARY``, else in the package, else in a source tree's build.

    In Pyodide the package may have two: ``libecho-relaxed.so`` is taken where the engine knows
    relaxed SIMD, ``libecho.so`` elsewhere.

    Raises
    ------
    BackendError
        If it is nowhere.
    """
    if chosen := os.environ.get("ECHO_LIBRARY"):
        if (path := Path(chosen)).is_file():
            return path.resolve()
        raise BackendError(f"ECHO_LIBRARY is {chosen!r}; there is no such file.")
    relaxed = _PACKAGE / "libecho-relaxed.so"
    if relaxed.is_file() and has_relaxed_simd():
        return relaxed
    for path in (_PACKAGE / "libecho.so", _SOURCES / "build" / "native" / "libecho.so"):
        if path.is_file():
            return path
    raise BackendError(
        "libecho.so is missing; install the wheel of this platform, or build it in a source tree "
        "with './build.sh native'."
    )


def vocabulary_path() -> Path | None:
    """Where the vocabulary of the RWKV World models lies, or ``None``."""
    name = "rwkv_vocab_v20230424.txt"
    for path in (_PACKAGE / "data" / name, _SOURCES / "build" / "external" / "world" / name):
        if path.is_file():
            return path
    return None


def small_vocabulary_path() -> Path:
    """Where the bundled model's vocabulary lies, a part of that of the World models."""
    return _PACKAGE / "models" / "echo-vocabulary.txt"


def bundled_model_path() -> Path:
    """Where the model that comes with the package lies; it need not be there."""
    return _PACKAGE / "models" / "echo-1m-FP16.bin"


def memory_bytes() -> int:
    """Memory in use, in bytes: the WebAssembly heap in Pyodide, the resident set elsewhere.

    Examples
    --------
    >>> memory_bytes() > 1_000_000
    True
    """
    if IN_PYODIDE:
        return int(import_module("pyodide_js")._module.HEAPU8.length)
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:
        # Without /proc (macOS) only the peak is known without leaving the standard library.
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@dataclass(frozen=True, slots=True)
class Heap:
    """The memory of this process.

    Parameters
    ----------
    n_bytes : int
        What it has taken from the system: the length of the WebAssembly heap in Pyodide, which
        never shrinks, and the resident set elsewhere.
    in_use : int
        What of it is in use. Elsewhere nobody knows, and it is all of it.
    """

    n_bytes: int
    in_use: int


def heap() -> Heap:
    """The memory of this process, measured. It takes some milliseconds in Pyodide.

    Examples
    --------
    >>> now = heap()
    >>> 0 < now.in_use <= now.n_bytes
    True
    """
    n_bytes = memory_bytes()
    if not IN_PYODIDE:
        return Heap(n_bytes, n_bytes)
    information, break_ = _allocator()
    found = information()
    # Static data and the stack lie below what the allocator has taken.
    return Heap(n_bytes, break_(0) - found.arena + found.uordblks)


def make_room(n_bytes: int) -> None:
    """Grows the heap so that ``n_bytes`` more can be taken; elsewhere the system does it.

    By itself Emscripten grows the heap by a fifth, up to 96 MiB, whenever it runs out. Who knows
    what will be needed grows it by just that.
    """
    if IN_PYODIDE:
        now = heap()
        _grow(now.in_use + n_bytes)


def make_headroom(n_bytes: int) -> None:
    """As `make_room`, but counts only what has never been in use; that takes microseconds."""
    if IN_PYODIDE:
        _grow(_allocator()[1](0) + n_bytes)


def _grow(n_bytes: int) -> None:
    module = import_module("pyodide_js")._module
    if n_bytes > module.HEAPU8.length:
        # If it fails, the allocation itself will say so.
        module.growMemory(-(-n_bytes // _WASM_PAGE) * _WASM_PAGE)


_WASM_PAGE = 1 << 16


@cache
def _allocator() -> tuple[Any, Any]:
    """``mallinfo`` and ``sbrk`` of the C library."""
    import ctypes

    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"

    class Information(ctypes.Structure):
        _fields_ = tuple((name, ctypes.c_size_t) for name in names.split())

    c = ctypes.CDLL(None)
    information, break_ = c.mallinfo, c.sbrk
    information.restype = Information
    break_.restype = ctypes.c_size_t
    return information, break_


def to_js(numbers: Sequence[int]) -> Any:
    """Numbers, or bytes, as JavaScript takes them: an array of its own in Pyodide.

    Examples
    --------
    >>> list(to_js([1, 2]))
    [1, 2]
    """
    return import_module("pyodide.ffi").to_js(numbers) if IN_PYODIDE else numbers


def js_errors() -> tuple[type[Exception], ...]:
    """What JavaScript's exceptions become in Python: nothing outside of Pyodide.

    Examples
    --------
    >>> IN_PYODIDE or js_errors() == ()
    True
    """
    return (import_module("pyodide.ffi").JsException,) if IN_PYODIDE else ()


async def breathe() -> None:
    """Lets the event loop do what waits: draw, take a click, cancel this task."""
    await asyncio.sleep(0)
