"""The weights of a model as NumPy keeps them, found by name and checked by shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelFormatError
from ...formats.blocks import dequantize
from ...formats.rwkv_file import Header, Tensor

Floats = NDArray[np.float32]

Matrix = Callable[[Floats], Floats]
"""A linear map: (T, columns) -> (T, rows), y = x W^T."""

_ROWS_AT_ONCE = 1 << 18  # elements that a matrix kept in blocks turns into floats at a time


def _has_blas() -> bool:
    """Whether NumPy was built with a BLAS; Pyodide's is not."""
    config: Any = np.show_config(mode="dicts")
    return bool(config["Build Dependencies"]["blas"].get("found"))


_HAS_BLAS = _has_blas()


def multiply(x: Floats, weight: Floats) -> Floats:
    """X (T, columns), weight (rows, columns) -> (T, rows): x W^T.

    Without a BLAS matmul is a plain loop and einsum's vectorised one is faster.
    """
    return x @ weight.T if _HAS_BLAS else np.einsum("tc,rc->tr", x, weight)


class Dense:
    """A matrix in float32."""

    __slots__ = ("_floats",)

    def __init__(self, floats: Floats) -> None:
        self._floats = floats  # (rows, columns)

    def __call__(self, x: Floats) -> Floats:
        """X (T, columns) -> (T, rows)."""
        return multiply(x, self._floats)


class Packed:
    """A matrix that stays as the file has it; some rows at a time become floats, at each use."""

    __slots__ = ("_data", "_step", "_type")

    def __init__(self, tensor: Tensor) -> None:
        self._data = tensor.data  # (rows, row_bytes)
        self._type = tensor.type
        self._step = max(1, _ROWS_AT_ONCE // tensor.shape[-1])

    def __call__(self, x: Floats) -> Floats:
        """X (T, columns) -> (T, rows)."""
        y = np.empty((len(x), len(self._data)), np.float32)
        for begin in range(0, len(self._data), self._step):
            rows = dequantize(self._type, self._data[begin : begin + self._step])
            y[:, begin : begin + self._step] = multiply(x, rows)
        return y


class Table:
    """The embedding: rows that are looked up, kept as the file has them."""

    __slots__ = ("_data", "_type")

    def __init__(self, tensor: Tensor) -> None:
        self._data = tensor.data  # (rows, row_bytes)
        self._type = tensor.type

    def __call__(self, tokens: NDArray[np.integer]) -> Floats:
        """Tokens (T,) -> (T, columns), a new array."""
        rows = dequantize(self._type, self._data[tokens])
        return rows


class Weights:
    """A file's tensors on their way into a model; each is taken once.

    Parameters
    ----------
    header : Header
        The file's header.
    tensors : iterable of Tensor
        Every tensor of the file.
    dense : bool
        Whether matrices become float32 now, or rows of them at each use.
    """

    def __init__(self, header: Header, tensors: Iterable[Tensor], dense: bool) -> None:
        self.header = header
        self.nbytes = 0
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self._dense = dense

    def names(self) -> dict[str, Tensor]:
        """The tensors that have not been taken yet, by name."""
        return self._tensors

    def shape(self, name: str, n_dims: int) -> tuple[int, ...]:
        """The shape of a tensor in PyTorch's order, ``n_dims`` sizes. Raises as `vector` does."""
        tensor = self._find(name)
        if len(tensor.shape) != n_dims:
            raise ModelFormatError(
                f"{name} has the shape {tensor.shape} and should have {n_dims} dimensions; the "
                "file is damaged or of an unknown architecture."
            )
        return tensor.shape

    def vector(self, name: str, *shape: int) -> Floats:
        """A small tensor in float32, reshaped to ``shape``.

        Raises
        ------
        ModelFormatError
            If it is missing or has another number of elements.
        """
        tensor = self._take(name)
        if math.prod(tensor.shape) != math.prod(shape):
            raise _wrong_shape(tensor, shape)
        floats = tensor.floats().reshape(shape)
        self.nbytes += floats.nbytes
        return floats

    def matrix(self, name: str, rows: int, columns: int) -> Matrix:
        """A linear map of ``columns`` inputs to ``rows`` outputs. Raises as `vector` does."""
        tensor = self._take(name)
        if tensor.shape != (rows, columns):
            raise _wrong_shape(tensor, (rows, columns))
        if self._dense:
            floats = tensor.floats()
            self.nbytes += floats.nbytes
            return Dense(floats)
        self.nbytes += tensor.data.nbytes
        return Packed(tensor)

    def table(self, name: str, rows: int, columns: int) -> Table:
        """Rows to be looked up. Raises as `vector` does."""
        tensor = self._take(name)
        if tensor.shape != (rows, columns):
            raise _wrong_shape(tensor, (rows, columns))
        self.nbytes += tensor.data.nbytes
        return Table(tensor)

    def _find(self, name: str) -> Tensor:
        try:
            return self._tensors[name]
        except KeyError:
            raise ModelFormatError(
                f"{name} is missing from the file; it is incomplete, fetch it again."
            ) from None

    def _take(self, name: str) -> Tensor:
        tensor = self._find(name)
        del self._tensors[name]
        return tensor


def _wrong_shape(tensor: Tensor, shape: tuple[int, ...]) -> ModelFormatError:
    return ModelFormatError(
        f"{tensor.name} has the shape {tensor.shape} and should have {shape}; the file is damaged "
        "or of an unknown architecture."
    )
