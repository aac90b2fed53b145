"""Model files: element types, block rounding, reading, writing and quantising."""

from .rwkv_file import Header, Tensor, TensorReader, write_file
from .types import TensorType

__all__ = ["Header", "Tensor", "TensorReader", "TensorType", "write_file"]
