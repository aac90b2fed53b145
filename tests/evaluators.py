"""Models of both backends that compute, behind the one face that tests need."""

from __future__ import annotations

from typing import Any

from deep_tree_echo import Model
from deep_tree_echo.backends.python_rwkv import PythonRwkv

BACKENDS = ("rwkv_cpp", "python_rwkv")


def load(backend: str, data: bytes) -> Any:
    """A `Model`, or the NumPy model with the same ``eval``, ``encode`` and ``new_sampler``."""
    if backend == "rwkv_cpp":
        return Model.load(data)
    loader = PythonRwkv.loader(name="test.bin", size=len(data), memory_limit_mb=None)
    loader.push(data)
    return loader.finish().model
