"""Strongly connected components of a matrix's graph: the parts that decide its eigenvalues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .sparse import SparseMatrix

__all__ = ["strong_components"]

Indices = NDArray[np.intp]


class _Edges:
    """Who follows whom: for each unit, the units at the other ends."""

    def __init__(self, sources: Indices, targets: Indices, size: int) -> None:
        order = np.argsort(sources, kind="stable")
        self.ends = targets[order]
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=size))])

    def of(self, units: Indices) -> Indices:
        """The ends of all edges of these units."""
        counts = self.starts[units + 1] - self.starts[units]
        before = np.cumsum(counts) - counts
        at = np.arange(int(counts.sum())) + np.repeat(self.starts[units] - before, counts)
        found: Indices = self.ends[at]
        return found


def strong_components(matrix: SparseMatrix) -> list[Indices]:
    """The sets of units that reach each other through non-zeros.

    The eigenvalues of a matrix are those of the blocks of these sets, since in a suitable order
    all other non-zeros lie on one side of the blocks.

    Returns
    -------
    list of ndarray
        The units of each set, rising. Units that reach no other one and come back are left out.

    Examples
    --------
    >>> cycle_and_tail = SparseMatrix.from_dense([[0, 1, 0], [1, 0, 0], [0, 1, 0]])
    >>> strong_components(cycle_and_tail)
    [array([0, 1])]
    """
    size = matrix.shape[0]
    rows, columns = matrix.rows(), matrix.indices.astype(np.intp)
    real = (matrix.data != 0) & (rows != columns)
    rows, columns = rows[real], columns[real]
    forward, backward = _Edges(columns, rows, size), _Edges(rows, columns, size)
    alive = _trimmed(forward, backward, size)
    found = []
    # Forward and backward reach (Fleischer, Hendrickson and Pinar 2000).
    work = [alive] if alive.any() else []
    while work:
        inside = work.pop()
        pivot = np.flatnonzero(inside)[:1]
        ahead = _reached(forward, pivot, inside)
        behind = _reached(backward, pivot, inside)
        both = ahead & behind
        if both.sum() > 1:
            found.append(np.flatnonzero(both))
        for part in (ahead & ~both, behind & ~both, inside & ~(ahead | behind)):
            if part.any():
                work.append(part)
    return found


def _trimmed(forward: _Edges, backward: _Edges, size: int) -> NDArray[np.bool_]:
    """The units that are left when those without a way in or out go, again and again."""
    alive = np.ones(size, dtype=bool)
    degrees = [np.diff(edges.starts) for edges in (forward, backward)]
    fresh = np.flatnonzero((degrees[0] == 0) | (degrees[1] == 0))
    while len(fresh):
        alive[fresh] = False
        touched = []
        for edges, degree in ((forward, degrees[1]), (backward, degrees[0])):
            ends = edges.of(fresh)
            np.subtract.at(degree, ends, 1)
            touched.append(ends[(degree[ends] <= 0) & alive[ends]])
        fresh = np.unique(np.concatenate(touched))
    return alive


def _reached(edges: _Edges, start: Indices, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What can be reached from some units through these edges within a set."""
    reached = np.zeros(len(inside), dtype=bool)
    front = start
    while len(front):
        reached[front] = True
        ends = edges.of(front)
        front = np.unique(ends[inside[ends] & ~reached[ends]])
    return reached
