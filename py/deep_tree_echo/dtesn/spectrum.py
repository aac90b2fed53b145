"""The largest eigenvalue of a sparse matrix in modulus."""

from __future__ import annotations

import numpy as np

from .sparse import SparseMatrix

__all__ = ["spectral_radius"]


def spectral_radius(matrix: SparseMatrix) -> float:
    """The largest modulus of an eigenvalue of a square matrix.

    Examples
    --------
    >>> round(spectral_radius(SparseMatrix.from_dense([[0.0, 4.0], [1.0, 0.0]])), 12)
    2.0
    """
    return float(np.abs(np.linalg.eigvals(matrix.to_dense().astype(np.float64))).max())
