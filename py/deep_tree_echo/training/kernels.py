"""The training kernels, compiled at first use and called through ``ctypes``.

The sources are ``wasm/training/*.cc``. Every kernel exists for ``float32``
(training) and ``float64`` (the gradient check) under the same name; `Kernels`
picks the one that fits and passes arrays by address, so nothing is copied.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Kernels", "build_library", "repository_root"]

FLAGS = ["-std=c++17", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]


def repository_root() -> Path:
    """Return the folder that holds ``wasm/``, ``py/`` and ``build/``."""
    return Path(__file__).resolve().parents[3]


def build_library(target: Path | None = None) -> Path:
    """Compile the kernels for this machine unless that is done already.

    Parameters
    ----------
    target : Path, optional
        The library to write; ``build/training/libecho_training.so`` if omitted.

    Returns
    -------
    Path
        The library, newer than its sources.

    Raises
    ------
    RuntimeError
        If the sources or a C++ compiler are missing, or if compiling fails.
    """
    root = repository_root()
    sources = sorted((root / "wasm" / "training").glob("*.cc"))
    if not sources:
        raise RuntimeError(
            "The training kernels (wasm/training/*.cc) are not here: "
            "train from a checkout of the repository."
        )
    target = target or root / "build" / "training" / "libecho_training.so"
    newest = max(source.stat().st_mtime for source in sources)
    if target.exists() and target.stat().st_mtime >= newest:
        return target
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise RuntimeError(
            "Training needs a C++ compiler: install g++ or clang++, "
            "or name one in the environment variable CXX."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another process may be loading the old library: write beside it, then swap.
    fresh = target.with_suffix(f".{os.getpid()}.so")
    command = [compiler, *FLAGS, *map(str, sources), "-o", str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"Compiling the training kernels failed:\n{done.stderr}")
    fresh.replace(target)
    return target


class Kernels:
    """The kernels for one floating-point type.

    Parameters
    ----------
    dtype : DTypeLike
        ``float32`` or ``float64``.

    Notes
    -----
    ``kernels.layer_norm(rows, width, eps, x, ...)`` calls
    ``echo_layer_norm_f32``; the order of the arguments is that of the C source.
    Arrays must be C-contiguous and of the type given here (or ``int32``).
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        suffixes = {"float32": "_f32", "float64": "_f64"}
        if self.dtype.name not in suffixes:
            raise ValueError(f"There are no kernels for {self.dtype.name}.")
        self._suffix = suffixes[self.dtype.name]
        self._real = ctypes.c_float if self._suffix == "_f32" else ctypes.c_double
        self._library = ctypes.CDLL(str(build_library()))

    def __call__(self, name: str, *arguments: NDArray[Any] | float | None) -> None:
        """Call ``echo_<name>``.

        Parameters
        ----------
        name : str
            The kernel's name without prefix and suffix.
        *arguments : ndarray, int, float or None
            Arrays go as pointers, None as a null pointer, integers as 64-bit.

        Raises
        ------
        ValueError
            If the kernel refuses its arguments, or an array does not fit it.
        """
        function = self._library[f"echo_{name}{self._suffix}"]
        function.restype = ctypes.c_int if name.startswith("wkv7") else None
        if function(*[self._convert(argument) for argument in arguments]):
            raise ValueError(f"{name} refused its arguments: no such head size is compiled in.")

    def matmul_half(self, a: NDArray[Any], b: NDArray[Any], out: NDArray[Any]) -> bool:
        """Multiply in bfloat16, with sums in single precision.

        Parameters
        ----------
        a, b : ndarray of float32, shapes (m, k) and (k, n)
            Dense matrices, or transposed views of such.
        out : ndarray of float32, shape (m, n)
            Overwritten.

        Returns
        -------
        bool
            False where the processor has no such instructions; `out` is as it was.

        Raises
        ------
        ValueError
            If the shapes or types do not fit.
        """
        (m, k), (inner, n) = a.shape, b.shape
        if k != inner or out.shape != (m, n) or not out.flags.c_contiguous:
            raise ValueError(f"matmul_half got {a.shape}, {b.shape} and {out.shape}.")
        if {a.dtype, b.dtype, out.dtype} != {np.dtype(np.float32)}:
            raise ValueError(f"matmul_half got {a.dtype}, {b.dtype} and {out.dtype}.")
        function = self._library.echo_matmul_bf16
        size, place = ctypes.c_int64, ctypes.c_void_p
        refused = function(
            size(m), size(n), size(k),
            place(a.ctypes.data), size(a.strides[0] // 4), size(a.strides[1] // 4),
            place(b.ctypes.data), size(b.strides[1] // 4), size(b.strides[0] // 4),
            place(out.ctypes.data),
        )  # fmt: skip
        return not refused

    def has_half(self) -> bool:
        """Tell whether `matmul_half` works here."""
        one = np.ones((1, 1), np.float32)
        return self.matmul_half(one, one, np.empty_like(one))

    def _convert(self, argument: NDArray[Any] | float | None) -> object:
        if argument is None:
            return ctypes.c_void_p(None)
        if isinstance(argument, np.ndarray):
            if not argument.flags.c_contiguous:
                raise ValueError("A kernel needs a C-contiguous array.")
            if argument.dtype != self.dtype and argument.dtype != np.int32:
                raise ValueError(f"A {self.dtype} kernel got {argument.dtype}.")
            return ctypes.c_void_p(argument.ctypes.data)
        if isinstance(argument, int):
            return ctypes.c_int64(argument)
        return self._real(argument)
