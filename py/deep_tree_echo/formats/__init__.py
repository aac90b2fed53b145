"""Model files: element types, block rounding, reading, writing and quantising.

The names load on first use: the page looks at files also where there is no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rwkv_file import Header, Tensor, TensorReader, write_file
    from .types import TensorType

__all__ = ["Header", "Tensor", "TensorReader", "TensorType", "write_file"]


def __getattr__(name: str) -> Any:
    """Imports a public name on its first use."""
    if name in __all__:
        home = "types" if name == "TensorType" else "rwkv_file"
        value = getattr(import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
