"""The largest eigenvalue of a sparse matrix in modulus, exactly where the structure tells it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .components import strong_components
from .draws import Draws
from .sparse import SparseMatrix

__all__ = ["TOLERANCE", "spectral_radius"]

TOLERANCE = 1e-10
"""How far, relatively, the residual of an eigenvalue found by iteration may be from 0."""

_SMALL = 200
"""Up to here all eigenvalues are computed, which is then as fast."""
_LONGEST = 640
"""The most vectors that an iteration keeps."""

Floats = NDArray[np.float64]


def spectral_radius(matrix: SparseMatrix) -> float:
    r"""The largest modulus of an eigenvalue of a square matrix.

    Only units that reach each other matter, so a matrix without cycles has exactly 0, and one of
    rings exactly the geometric mean of a ring's weights. Other parts are left to Arnoldi's
    iteration (1951) until \(\|A v - \lambda v\| \le 10^{-10}\,|\lambda|\) for the unit vector v;
    small parts, and those on which it does not settle, to NumPy.

    Parameters
    ----------
    matrix : SparseMatrix
        (n, n).

    Examples
    --------
    >>> round(spectral_radius(SparseMatrix.from_dense([[0.0, 4.0], [1.0, 0.0]])), 12)
    2.0
    >>> spectral_radius(SparseMatrix.from_dense([[0.0, 4.0], [0.0, 0.0]]))
    0.0
    """
    rows = matrix.rows()
    on_diagonal = np.abs(matrix.data[rows == matrix.indices])
    found = float(on_diagonal.max(initial=0.0))
    # A unit alone has its diagonal for an eigenvalue; within a part the diagonal means nothing.
    parts = strong_components(matrix)
    if parts:
        alone = np.ones(matrix.shape[0], dtype=bool)
        for units in parts:
            alone[units] = False
        single = (rows == matrix.indices) & alone[rows]
        found = float(np.abs(matrix.data[single]).max(initial=0.0))
    return max([found, *(_radius_of_part(_block(matrix, rows, units)) for units in parts)])


def _block(matrix: SparseMatrix, rows: NDArray[np.intp], units: NDArray[np.intp]) -> SparseMatrix:
    """The rows and columns of these units, without zeros, in float64."""
    place = np.full(matrix.shape[0], -1)
    place[units] = np.arange(len(units))
    at_row, at_column = place[rows], place[matrix.indices]
    kept = (at_row >= 0) & (at_column >= 0) & (matrix.data != 0)
    values = matrix.data[kept].astype(np.float64)
    shape = (len(units), len(units))
    return SparseMatrix.from_triplets(at_row[kept], at_column[kept], values, shape)


def _radius_of_part(part: SparseMatrix) -> float:
    n = part.shape[0]
    if part.nnz == n:
        # Strongly connected with one weight a unit: a ring.
        return float(np.exp(np.log(np.abs(part.data)).mean()))
    if n > _SMALL and (found := _arnoldi(part)) is not None:
        return found
    return float(np.abs(np.linalg.eigvals(part.to_dense())).max())


def _arnoldi(part: SparseMatrix) -> float | None:
    """The radius by Arnoldi's iteration, or None if it does not settle."""
    n = part.shape[0]
    longest = min(n, _LONGEST)
    basis = np.zeros((longest + 1, n))
    projected = np.zeros((longest + 1, longest))
    start = Draws(0).normal(n)
    basis[0] = start / np.linalg.norm(start)
    look = 40
    for j in range(longest):
        vector: Any = part @ basis[j]
        # Twice is enough (Parlett) for orthogonality to rounding.
        for _ in range(2):
            overlap = basis[: j + 1] @ vector
            vector = vector - overlap @ basis[: j + 1]
            projected[: j + 1, j] += overlap
        left = float(np.linalg.norm(vector))
        projected[j + 1, j] = left
        if left <= 1e-14 * np.abs(projected[: j + 1, j]).max():
            # The vectors span an invariant space, which may be too small.
            return None
        basis[j + 1] = vector / left
        if j + 1 == look or j + 1 == longest:
            if (found := _settled(projected[: j + 1, : j + 1], left)) is not None:
                return found
            look = look * 3 // 2
    return None


def _settled(projected: Floats, left: float) -> float | None:
    """The largest modulus, if that eigenvalue and the runner-up are known well enough."""
    values, vectors = np.linalg.eig(projected)
    residuals = left * np.abs(vectors[-1])
    moduli = np.abs(values)
    order = np.argsort(-moduli)
    first = order[0]
    # The next that is neither the same nor its conjugate.
    others = [i for i in order[1:4] if abs(moduli[i] - moduli[first]) > 1e-8 * moduli[first]]
    settled = residuals[first] <= TOLERANCE * moduli[first]
    if settled and all(residuals[i] <= 1e-3 * moduli[i] for i in others[:1]):
        return float(moduli[first])
    return None
