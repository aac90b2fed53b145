"""What makes the steps of a reservoir: libecho, or NumPy with the same results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, BackendError
from .activations import ACTIVATIONS
from .draws import Draws
from .sparse import SparseMatrix

__all__ = ["NativeEngine", "PythonEngine", "ReservoirEngine", "ReservoirWeights", "make_engine"]

Real = NDArray[np.floating[Any]]

_LEAST = {4: 1e-30, 8: 1e-290}
"""States below this in modulus, by the bytes of a number, become 0 before they are denormal."""


@dataclass(frozen=True)
class ReservoirWeights:
    """All that decides how a reservoir moves; every array is of one type."""

    recurrent: SparseMatrix | Real  # (size, size)
    inputs: Real  # (size, n_inputs)
    feedback: Real  # (size, n_feedback)
    bias: Real  # (size,)
    leak: Real  # (size,)
    activation: str
    noise: float


class ReservoirEngine(Protocol):
    """Runs sequences."""

    name: str

    def run(self, inputs: Real, feedback: Real, state: Real, random: int, states: Real) -> int:
        """Runs a sequence and gives the state of the noise's generator afterwards.

        Parameters
        ----------
        inputs, feedback : ndarray
            (T, n_inputs) and (T, n_feedback).
        state : ndarray
            (size,) before; afterwards the last one.
        random : int
            The generator's state before.
        states : ndarray
            (T, size): what is written.

        Raises
        ------
        ArgumentError
            If a state is not finite; ``state`` is then as it was.
        """


class PythonEngine:
    """NumPy: the reference, and what works without libecho."""

    name = "python"

    def __init__(self, weights: ReservoirWeights) -> None:
        self._weights = weights
        self._f = ACTIVATIONS[weights.activation]

    def run(self, inputs: Real, feedback: Real, state: Real, random: int, states: Real) -> int:
        """Runs a sequence, see `ReservoirEngine`."""
        weights = self._weights
        draws = Draws(0)
        draws.state = random
        x = state
        leak, keep = weights.leak, 1 - weights.leak
        least = _LEAST[state.itemsize]
        with np.errstate(all="ignore"):
            drive = inputs @ weights.inputs.T + feedback @ weights.feedback.T + weights.bias
            for t, driven in enumerate(drive):
                total = weights.recurrent @ x + driven
                if weights.noise:
                    total += (weights.noise * draws.normal(len(x))).astype(x.dtype)
                x = keep * x + leak * self._f(total)
                if not np.isfinite(x).all():
                    raise ArgumentError(
                        f"the state is not finite after step {t + 1} of {len(drive)}; lower the "
                        "spectral radius or the inputs, or take tanh."
                    )
                x[np.abs(x) < least] = 0
                states[t] = x
        state[:] = x
        return draws.state


class NativeEngine:
    """The library: the same numbers but for rounding."""

    name = "libecho"

    def __init__(self, weights: ReservoirWeights) -> None:
        # Here, so that importing the package does not want libecho.
        from .. import core

        matrix = weights.recurrent
        if not isinstance(matrix, SparseMatrix):
            matrix = SparseMatrix.from_dense(matrix)
        self._reservoir = core.Reservoir(
            matrix.indptr.astype(np.uint64),
            matrix.indices.astype(np.uint32),
            matrix.data,
            np.ascontiguousarray(weights.inputs),
            np.ascontiguousarray(weights.feedback),
            weights.bias,
            weights.leak,
            list(ACTIVATIONS).index(weights.activation),
            weights.noise,
        )

    def run(self, inputs: Real, feedback: Real, state: Real, random: int, states: Real) -> int:
        """Runs a sequence, see `ReservoirEngine`."""
        return self._reservoir.run(inputs, feedback, state, random, states)


def make_engine(name: str, weights: ReservoirWeights) -> ReservoirEngine:
    """The engine of this name; ``auto`` is libecho where it is, else NumPy.

    Raises
    ------
    ArgumentError
        If there is no engine of the name.
    BackendError
        If it is to be libecho and that is missing.
    """
    if name not in ("auto", "libecho", "python"):
        raise ArgumentError(f"the engine is {name!r}; it must be 'auto', 'libecho' or 'python'.")
    if name != "python":
        try:
            return NativeEngine(weights)
        except BackendError:
            if name == "libecho":
                raise
    return PythonEngine(weights)
