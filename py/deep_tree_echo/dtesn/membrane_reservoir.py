r"""A reservoir in every membrane: all of them together as one reservoir with a block matrix.

Inside membrane \(m\), with children \(c\), the states follow

\[ x_m' = -x_m + \tanh\Bigl(W_m x_m + \sum_c V_{mc} x_c + W^{in}_m u + w_m k_\ell + b_m\Bigr), \]

one explicit Euler step of the length \(a\), the leak rate, for each token: the input \(u\) comes to
all membranes, the states of inner membranes to the one around them, and \(k_\ell\) is what objects
the membrane system has on level \(\ell\). With the skin first, \(W\) is block triangular, so its
eigenvalues are those of the \(W_m\), and each of these has the spectral radius asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .draws import Draws
from .hierarchy import Hierarchy
from .processor_config import DTESNConfig
from .reservoir import Reservoir
from .sparse import SparseMatrix

__all__ = ["membrane_reservoir"]

LEAST_CONNECTIONS = 10
"""Recurrent weights a unit that small membranes have in spite of the density."""
FROM_CHILD = 4
"""Units of an inner membrane that each unit of the outer one hears."""
FROM_CHILDREN = 0.5
"""The largest sum of their weights, over all children."""
INPUT_SCALING = 1.0
"""Of the input weights, before they are divided by the square root of the number of inputs."""
BIAS_SCALING = 0.1


def membrane_reservoir(hierarchy: Hierarchy, config: DTESNConfig) -> Reservoir:
    """The reservoirs of all membranes, float32.

    Parameters
    ----------
    hierarchy : Hierarchy
        The membranes.
    config : DTESNConfig
        Spectral radius, density, leak rate, number of inputs, seed.

    Returns
    -------
    Reservoir
        Its units are those of the membranes in their order; its inputs are ``config.n_inputs``
        numbers and one number a level.

    Examples
    --------
    >>> reservoir = membrane_reservoir(Hierarchy.build(3, 60), DTESNConfig(n_inputs=4))
    >>> reservoir.size, reservoir.n_inputs, round(reservoir.spectral_radius, 3)
    (60, 7, 0.95)
    """
    draws = Draws(config.seed)
    blocks = [
        *_own_blocks(hierarchy, config, draws),
        *_child_blocks(hierarchy, draws),
    ]
    rows, columns, values = (np.concatenate(part) for part in zip(*blocks, strict=True))
    size = hierarchy.size
    recurrent = SparseMatrix.from_triplets(rows, columns, values, (size, size))
    level_of_unit = np.repeat(hierarchy.levels, hierarchy.units)
    inputs = np.zeros((size, config.n_inputs + hierarchy.depth))
    count = size * config.n_inputs
    scaling = INPUT_SCALING / config.n_inputs**0.5
    inputs[:, : config.n_inputs] = _uniform(draws, count).reshape(size, -1) * scaling
    inputs[np.arange(size), config.n_inputs + level_of_unit] = _uniform(draws, size)
    return Reservoir.from_matrices(
        recurrent,
        inputs,
        bias=_uniform(draws, size) * BIAS_SCALING,
        leak_rate=config.leak_rate,
        dtype="float32",
    )


Block = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating[Any]]]
"""The (nnz,) rows, columns and values of a part of the matrix."""


def _own_blocks(hierarchy: Hierarchy, config: DTESNConfig, draws: Draws) -> list[Block]:
    """What the units of each membrane hear of each other."""
    found = []
    for start, units in zip(hierarchy.starts, hierarchy.units, strict=True):
        block = Reservoir(
            units,
            n_inputs=0,
            spectral_radius=config.spectral_radius,
            density=max(config.density, min(1.0, LEAST_CONNECTIONS / units)),
            dtype="float64",
            seed=_word(draws),
        ).recurrent
        sparse = block if isinstance(block, SparseMatrix) else SparseMatrix.from_dense(block)
        found.append((sparse.rows() + start, sparse.indices.astype(np.int64) + start, sparse.data))
    return found


def _child_blocks(hierarchy: Hierarchy, draws: Draws) -> list[Block]:
    """What they hear of the membranes inside."""
    found: list[Block] = []
    children = [hierarchy.parents.count(m) for m in range(len(hierarchy.parents))]
    for child, parent in enumerate(hierarchy.parents):
        if parent < 0:
            continue
        heard = min(FROM_CHILD, hierarchy.units[child])
        rows = np.repeat(np.arange(hierarchy.units[parent]), heard)
        # Neighbours from a random unit on: different ones, and every unit is heard as often.
        first = np.repeat(draws.below(hierarchy.units[child], hierarchy.units[parent]), heard)
        next_ones = np.tile(np.arange(heard), hierarchy.units[parent])
        columns = (first + next_ones) % hierarchy.units[child]
        most = FROM_CHILDREN / (heard * children[parent])
        found.append(
            (
                rows + hierarchy.starts[parent],
                columns + hierarchy.starts[child],
                _uniform(draws, len(rows)) * most,
            )
        )
    return found


def _uniform(draws: Draws, n: int) -> NDArray[np.float64]:
    """(n,) numbers in [-1, 1)."""
    return 2.0 * draws.uniform(n) - 1.0


def _word(draws: Draws) -> int:
    return int(draws.words(1)[0])
