"""A sparse matrix: its non-zeros row by row (CSR)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError

__all__ = ["SparseMatrix"]

Real = NDArray[np.floating[Any]]


class SparseMatrix:
    """A matrix of which only the non-zeros are kept, in compressed sparse rows.

    Parameters
    ----------
    data : array_like
        (nnz,) float32 or float64 values, row after row.
    indices : array_like
        (nnz,) their columns; within a row they rise.
    indptr : array_like
        (rows + 1,) where each row begins in the two, and the end.
    shape : tuple of int
        (rows, columns).

    Attributes
    ----------
    data : ndarray
        (nnz,) float32 or float64.
    indices : ndarray
        (nnz,) int32.
    indptr : ndarray
        (rows + 1,) int64.

    Raises
    ------
    ArgumentError
        If the three do not describe a matrix of the shape, or a value is not finite.

    Examples
    --------
    >>> matrix = SparseMatrix([2.0, 3.0], [1, 0], [0, 1, 2], (2, 2))
    >>> matrix.to_dense()
    array([[0., 2.],
           [3., 0.]])
    >>> matrix @ np.array([1.0, 10.0])
    array([20.,  3.])
    """

    def __init__(
        self, data: ArrayLike, indices: ArrayLike, indptr: ArrayLike, shape: tuple[int, int]
    ) -> None:
        values = np.ascontiguousarray(data)
        if values.dtype not in (np.float32, np.float64):
            values = values.astype(np.float64)
        self.data: Real = values  # (nnz,)
        self.indices = np.ascontiguousarray(indices, dtype=np.int32)  # (nnz,)
        self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)  # (rows + 1,)
        self.shape = (int(shape[0]), int(shape[1]))
        self._check()
        lengths = np.diff(self.indptr)
        self._filled = np.flatnonzero(lengths)  # rows that have a non-zero
        self._starts = self.indptr[:-1][self._filled].astype(np.intp)

    @classmethod
    def from_dense(cls, dense: ArrayLike) -> SparseMatrix:
        """The non-zeros of a (rows, columns) matrix."""
        array = np.asarray(dense)
        if array.ndim != 2:
            raise ArgumentError(f"the matrix has the shape {array.shape}; it must have two axes.")
        rows, columns = np.nonzero(array)
        return cls.from_triplets(rows, columns, array[rows, columns], array.shape)

    @classmethod
    def from_triplets(
        cls, rows: ArrayLike, columns: ArrayLike, values: ArrayLike, shape: tuple[int, ...]
    ) -> SparseMatrix:
        """Values (nnz,) at rows (nnz,) and columns (nnz,), in any order, no place twice."""
        at_row, at_column = np.asarray(rows, np.intp), np.asarray(columns, np.intp)
        order = np.lexsort((at_column, at_row))
        indptr = np.zeros(shape[0] + 1, dtype=np.int64)
        np.cumsum(np.bincount(at_row, minlength=shape[0]), out=indptr[1:])
        return cls(
            np.asarray(values)[order], at_column[order], indptr, (int(shape[0]), int(shape[1]))
        )

    @property
    def nnz(self) -> int:
        """How many values are kept."""
        return len(self.data)

    @property
    def density(self) -> float:
        """The share of the places that hold a value."""
        return self.nnz / max(self.shape[0] * self.shape[1], 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.data.dtype

    def rows(self) -> NDArray[np.intp]:
        """(nnz,) the row of each value."""
        # NumPy counts by machine words, which have 32 bits in WebAssembly.
        counts = np.diff(self.indptr).astype(np.intp)
        return np.repeat(np.arange(self.shape[0], dtype=np.intp), counts)

    def to_dense(self) -> Real:
        """(rows, columns): the whole matrix, zeros included."""
        dense = np.zeros(self.shape, dtype=self.dtype)
        dense[self.rows(), self.indices] = self.data
        return dense

    def astype(self, dtype: Any) -> SparseMatrix:
        """The same matrix with values of another type."""
        return SparseMatrix(self.data.astype(dtype), self.indices, self.indptr, self.shape)

    def scaled(self, factor: float) -> SparseMatrix:
        """The matrix times a number."""
        scaled = (self.data * factor).astype(self.dtype)
        return SparseMatrix(scaled, self.indices, self.indptr, self.shape)

    def __matmul__(self, vector: Real) -> Real:
        """(rows,): the matrix times a (columns,) vector."""
        found = np.zeros(self.shape[0], dtype=np.result_type(self.data, vector))
        if len(self._starts):
            found[self._filled] = np.add.reduceat(self.data * vector[self.indices], self._starts)
        return found

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"<SparseMatrix {rows} x {columns}, {self.nnz} of {self.dtype}>"

    def _check(self) -> None:
        rows, columns = self.shape
        if self.indptr.shape != (rows + 1,):
            raise ArgumentError(
                f"indptr has the shape {self.indptr.shape}; {rows} rows need {(rows + 1,)}."
            )
        if self.data.ndim != 1 or self.indices.shape != self.data.shape:
            raise ArgumentError(
                f"data has the shape {self.data.shape} and indices {self.indices.shape}; both "
                "must be the same list."
            )
        ends = self.indptr[0] == 0 and self.indptr[-1] == len(self.data)
        if not ends or (np.diff(self.indptr) < 0).any():
            raise ArgumentError(
                f"indptr must rise from 0 to the {len(self.data)} values; it goes from "
                f"{self.indptr[0]} to {self.indptr[-1]}."
            )
        if self.nnz and not 0 <= self.indices.min() <= self.indices.max() < columns:
            raise ArgumentError(
                f"indices go from {self.indices.min()} to {self.indices.max()}; with {columns} "
                f"columns they must be from 0 to {columns - 1}."
            )
        inside = np.ones(max(self.nnz - 1, 0), dtype=bool)
        starts = self.indptr[1:-1]
        inside[starts[(starts > 0) & (starts < self.nnz)] - 1] = False
        if (np.diff(self.indices)[inside] <= 0).any():
            raise ArgumentError(
                "indices must rise within each row; sort them and leave none twice."
            )
        if not np.isfinite(self.data).all():
            raise ArgumentError("data has values that are not finite; a matrix must be finite.")
