"""Files of reservoirs."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ModelFormatError
from . import reservoir_checks as check
from .activations import activation
from .archive import read_archive, write_archive
from .reservoir_engines import ReservoirWeights
from .sparse import SparseMatrix

__all__ = ["read_reservoir", "write_reservoir"]

Real = NDArray[np.floating[Any]]

_KIND, _VERSION = "reservoir", 1
_SPARSE = ("data", "indices", "indptr")
_NAMES = (*_SPARSE, "recurrent", "inputs", "feedback", "bias", "leak", "activation", "noise",
          "state", "random")  # fmt: skip


def write_reservoir(
    path: str | os.PathLike[str],
    weights: ReservoirWeights,
    leak_rate: float | Real,
    state: Real,
    random: int,
) -> None:
    """Writes a reservoir to a file (NumPy's npz).

    Raises
    ------
    ArgumentError
        If there is no such folder.
    FileError
        If the file cannot be written.
    """
    matrix = weights.recurrent
    none = np.empty(0)
    arrays: dict[str, Any] = {"recurrent": none, "data": none, "indices": none, "indptr": none}
    if isinstance(matrix, SparseMatrix):
        arrays |= {name: getattr(matrix, name) for name in _SPARSE}
    else:
        arrays["recurrent"] = matrix
    arrays |= {
        "inputs": weights.inputs,
        "feedback": weights.feedback,
        "bias": weights.bias,
        "leak": np.asarray(leak_rate, dtype=np.float64),
        "activation": weights.activation,
        "noise": weights.noise,
        "state": state,
        "random": np.uint64(random),
    }
    write_archive(path, _KIND, _VERSION, arrays)


def read_reservoir(
    path: str | os.PathLike[str],
) -> tuple[ReservoirWeights, float | Real, Real, int]:
    """The weights, the leak rate as it was given, the state and the generator's state.

    Raises
    ------
    FileError
        If the file cannot be read.
    ModelFormatError
        If it is no reservoir's, damaged, or of another version.
    """
    held = read_archive(path, _KIND, _VERSION, _NAMES)
    try:
        kind = check.element_type(held["state"].dtype)
        size = len(held["state"])
        matrix: Any = held["recurrent"]
        if not matrix.size:
            matrix = SparseMatrix(held["data"], held["indices"], held["indptr"], (size, size))
        activation(name := str(held["activation"]))
        leak_rate = check.leak(held["leak"], size, kind)
        weights = ReservoirWeights(
            recurrent=check.square(matrix, kind),
            inputs=check.matrix_of(held["inputs"], "inputs", size, kind),
            feedback=check.matrix_of(held["feedback"], "feedback", size, kind),
            bias=check.vector(held["bias"], "bias", size, kind),
            leak=np.full(size, leak_rate, dtype=kind),
            activation=name,
            noise=check.number(held["noise"], "noise", least=0.0),
        )
        if weights.recurrent.shape[0] != size:
            raise ArgumentError(f"state has {size} numbers; recurrent is another size.")
        state = check.vector(held["state"], "state", size, kind)
        return weights, leak_rate, state, int(held["random"])
    except (ArgumentError, TypeError, ValueError, IndexError) as error:
        raise ModelFormatError(f"{path} is damaged: {error}") from error
