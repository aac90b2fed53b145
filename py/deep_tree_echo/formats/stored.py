"""Tensors that stay in their file until their rows are wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from .blocks import dequantize
from .types import TensorType

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SLICE_ELEMENTS = 1 << 21
"""About so many elements are in memory at a time while a tensor is passed on."""

_FARTHEST = 1 << 62


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A named array whose rows are read when they are wanted.

    Parameters
    ----------
    name : str
        Its name in the file.
    shape : tuple of int
        In PyTorch's order; a row runs along the last dimension.
    type : TensorType
        The element type of the rows that are read.
    read : callable
        ``read(begin, end)`` gives these rows as uint8, (end - begin, row_bytes).
    stored_type : TensorType, optional
        The type in the file, where ``read`` computes another one.

    Examples
    --------
    >>> import numpy as np
    >>> tensor = StoredTensor.from_floats("a", (2, 3), lambda: np.ones((2, 3), np.float32))
    >>> tensor.floats(1, 2)
    array([[1., 1., 1.]], dtype=float32)
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    read: Callable[[int, int], Bytes]
    stored_type: TensorType | None = None

    @classmethod
    def in_file(
        cls, file: BinaryIO, offset: int, name: str, shape: tuple[int, ...], type: TensorType
    ) -> StoredTensor:
        """Rows one after the other from ``offset`` of an open file."""
        row_bytes = type.row_bytes(shape[-1])

        def read(begin: int, end: int) -> Bytes:
            data = read_at(file, offset + begin * row_bytes, (end - begin) * row_bytes, name)
            return np.frombuffer(data, np.uint8).reshape(end - begin, row_bytes)

        return cls(name, shape, type, read)

    @classmethod
    def from_floats(
        cls,
        name: str,
        shape: tuple[int, ...],
        compute: Callable[[], NDArray[np.floating]],
        stored_type: TensorType | None = None,
    ) -> StoredTensor:
        """A small tensor in FP32 that is computed whole whenever it is read."""

        def read(begin: int, end: int) -> Bytes:
            values = np.ascontiguousarray(compute(), dtype="<f4").reshape(-1, shape[-1])
            return values[begin:end].view(np.uint8)

        return cls(name, shape, TensorType.FP32, read, stored_type)

    @property
    def n_rows(self) -> int:
        """Rows along the last dimension."""
        return math.prod(self.shape[:-1])

    @property
    def type_in_file(self) -> TensorType:
        """The element type as it lies in the file."""
        return self.type if self.stored_type is None else self.stored_type

    @property
    def n_bytes(self) -> int:
        """Bytes of all rows."""
        return self.n_rows * self.type.row_bytes(self.shape[-1])

    def slices(self) -> Iterator[Bytes]:
        """All rows in order, some at a time."""
        step = max(1, SLICE_ELEMENTS // self.shape[-1])
        for begin in range(0, self.n_rows, step):
            yield self.read(begin, min(begin + step, self.n_rows))

    def floats(self, begin: int = 0, end: int | None = None) -> Floats:
        """Rows as float32, (rows, columns); all of them if no bounds are given."""
        return dequantize(self.type, self.read(begin, self.n_rows if end is None else end))

    def values(self) -> Floats:
        """The whole tensor as float32, of ``shape``."""
        return self.floats().reshape(self.shape)


def read_at(file: BinaryIO, offset: int, size: int, what: str) -> bytes:
    """Bytes at a place of a file.

    Raises
    ------
    ModelFormatError
        If the file ends before, or has become shorter; ``what`` is named.
    """
    data = b""
    if 0 <= offset < _FARTHEST:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise ModelFormatError(
            f"The file ends inside {what}: {size - len(data)} bytes are missing; it is truncated, "
            "fetch it again."
        )
    return data
