"""Where Python runs: the only module that knows CPython from Pyodide."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path

from .errors import BackendError

IN_PYODIDE = sys.platform == "emscripten"
"""Python itself is WebAssembly, in a browser or in Node."""

_PACKAGE = Path(__file__).resolve().parent
_SOURCES = _PACKAGE.parent.parent


def library_path() -> Path:
    """Where libecho lies: ``ECHO_LIBRARY``, else in the package, else in a source tree's build.

    Raises
    ------
    BackendError
        If it is nowhere.
    """
    if chosen := os.environ.get("ECHO_LIBRARY"):
        if (path := Path(chosen)).is_file():
            return path.resolve()
        raise BackendError(f"ECHO_LIBRARY is {chosen!r}; there is no such file.")
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


async def breathe() -> None:
    """Lets the event loop do what waits: draw, take a click, cancel this task."""
    await asyncio.sleep(0)
