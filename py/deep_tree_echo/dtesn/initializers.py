"""Random matrices of reservoirs: who is connected with whom, and how strongly.

Each recurrent initializer gives the matrix before it is scaled and, where the construction tells
it, its spectral radius.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .draws import Draws
from .sparse import SparseMatrix

__all__ = ["INPUTS", "RECURRENT", "Connections", "input_weights", "recurrent_weights"]

Floats = NDArray[np.float64]

REWIRED = 0.1
"""The share of a small world's connections that lead somewhere else."""


class Connections(NamedTuple):
    """A recurrent matrix and its spectral radius, where that follows from the construction."""

    matrix: SparseMatrix  # (size, size) float64
    spectral_radius: float | None


def _uniform(draws: Draws, n: int) -> Floats:
    return 2.0 * draws.uniform(n) - 1.0


def _bernoulli(draws: Draws, n: int) -> Floats:
    return np.where(draws.words(n) < np.uint64(1 << 31), -1.0, 1.0)


def _normal(draws: Draws, n: int) -> Floats:
    return draws.normal(n)


_VALUES: dict[str, Callable[[Draws, int], Floats]] = {
    "uniform": _uniform,
    "normal": _normal,
    "bernoulli": _bernoulli,
}


def _places(draws: Draws, rows: int, columns: int, count: int) -> NDArray[np.int64]:
    """(count,) different places of a matrix in rising order, every choice equally likely."""
    total = rows * columns
    wanted = min(count, total - count)
    chosen = np.empty(0, dtype=np.int64)
    while len(chosen) < wanted:
        drawn = np.concatenate([chosen, draws.below(total, wanted - len(chosen))])
        # The first of equal ones stays, in the order of drawing.
        chosen = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    chosen = np.sort(chosen)
    if wanted == count:
        return chosen
    left = np.ones(total, dtype=bool)
    left[chosen] = False
    return np.flatnonzero(left)


def _random(name: str) -> Callable[[int, float, Draws], Connections]:
    def make(size: int, density: float, draws: Draws) -> Connections:
        count = max(1, round(density * size * size))
        places = _places(draws, size, size, count)
        values = _VALUES[name](draws, count)
        matrix = SparseMatrix.from_triplets(places // size, places % size, values, (size, size))
        return Connections(matrix, None)

    return make


def _orthogonal(size: int, density: float, draws: Draws) -> Connections:
    """Orthogonal blocks of density * size units each, rows and columns shuffled."""
    width = min(max(1, round(density * size)), size)
    rows, columns, values = [], [], []
    for start in range(0, size, width):
        n = min(width, size - start)
        q, r = np.linalg.qr(draws.normal(n * n).reshape(n, n))
        # With signs so chosen, all orthogonal matrices are equally likely (Mezzadri 2007).
        block = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        at = np.arange(start, start + n)
        rows.append(np.repeat(at, n))
        columns.append(np.tile(at, n))
        values.append(block.ravel())
    at_row = draws.permutation(size)[np.concatenate(rows)]
    at_column = draws.permutation(size)[np.concatenate(columns)]
    shape = (size, size)
    matrix = SparseMatrix.from_triplets(at_row, at_column, np.concatenate(values), shape)
    return Connections(matrix, 1.0)


def _ring(size: int, density: float, draws: Draws) -> Connections:
    """Each unit drives the next with the same weight (Rodan and Tino 2011); no density."""
    units = np.arange(size)
    matrix = SparseMatrix.from_triplets((units + 1) % size, units, np.ones(size), (size, size))
    return Connections(matrix, 1.0)


def _small_world(size: int, density: float, draws: Draws) -> Connections:
    """A ring of neighbours of which some connections are rewired (Watts and Strogatz 1998)."""
    degree = min(max(1, round(density * size)), max(size - 1, 1))
    # The nearest first, on both sides in turn: +1, -1, +2, -2, ...
    turns = np.arange(1, degree + 1)
    steps = np.where(turns % 2 == 1, (turns + 1) // 2, -(turns // 2))
    targets = (np.arange(size)[:, None] + steps) % size
    rewired = draws.uniform(size * degree).reshape(size, degree) < REWIRED
    if degree < size - 1:
        for unit in np.flatnonzero(rewired.any(axis=1)):
            taken = {int(unit), *targets[unit].tolist()}
            for at in np.flatnonzero(rewired[unit]):
                new = int(draws.below(size, 1)[0])
                while new in taken:
                    new = int(draws.below(size, 1)[0])
                taken.remove(int(targets[unit, at]))
                taken.add(new)
                targets[unit, at] = new
    rows = np.repeat(np.arange(size), degree)
    values = _uniform(draws, size * degree)
    return Connections(
        SparseMatrix.from_triplets(rows, targets.ravel(), values, (size, size)), None
    )


RECURRENT: dict[str, Callable[[int, float, Draws], Connections]] = {
    "uniform": _random("uniform"),
    "normal": _random("normal"),
    "bernoulli": _random("bernoulli"),
    "orthogonal": _orthogonal,
    "ring": _ring,
    "small_world": _small_world,
}
"""The recurrent initializers by name."""

INPUTS = tuple(_VALUES)
"""The names of the input initializers."""


def recurrent_weights(kind: str, size: int, density: float, draws: Draws) -> Connections:
    """A (size, size) matrix before scaling.

    Parameters
    ----------
    kind : str
        One of `RECURRENT`. ``uniform`` is in [-1, 1), ``normal`` has the variance 1, ``bernoulli``
        is -1 or 1, each at ``round(density * size**2)`` places of which all choices are equally
        likely; ``orthogonal`` has blocks of ``density * size`` units, shuffled; ``ring`` has one
        connection a unit, of weight 1; ``small_world`` joins each unit with its ``density * size``
        neighbours on a ring, uniformly weighted, and rewires a tenth of that.
    size : int
        Units.
    density : float
        In (0, 1].
    draws : Draws
        The generator.

    Raises
    ------
    ArgumentError
        If there is no such initializer.

    Examples
    --------
    >>> recurrent_weights("ring", 3, 1.0, Draws(0)).matrix.to_dense()
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    if not isinstance(kind, str) or kind not in RECURRENT:
        raise ArgumentError(f"recurrent is {kind!r}; it must be one of {', '.join(RECURRENT)}.")
    return RECURRENT[kind](size, density, draws)


def input_weights(kind: str, rows: int, columns: int, density: float, draws: Draws) -> Floats:
    """A (rows, columns) matrix with ``round(density * rows * columns)`` non-zeros.

    Parameters and errors are those of `recurrent_weights`; ``kind`` is one of `INPUTS`.

    Examples
    --------
    >>> input_weights("bernoulli", 2, 2, 1.0, Draws(1))
    array([[ 1., -1.],
           [ 1.,  1.]])
    """
    if not isinstance(kind, str) or kind not in _VALUES:
        raise ArgumentError(f"inputs is {kind!r}; it must be one of {', '.join(INPUTS)}.")
    weights = np.zeros(rows * columns)
    if columns:
        count = max(1, round(density * rows * columns))
        places = _places(draws, rows, columns, count)
        weights[places] = _VALUES[kind](draws, count)
    return weights.reshape(rows, columns)
