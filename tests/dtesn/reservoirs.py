"""Reservoirs for the tests: both engines, every SIMD target, and reservoirpy's answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from deep_tree_echo import core
from deep_tree_echo.dtesn import Reservoir, SparseMatrix
from numpy.typing import NDArray

PATH = Path(__file__).resolve().parents[1] / "oracles" / "golden" / "reservoirs.npz"
ENGINES = ("libecho", "python")
CASES = (
    "plain", "leaky", "feedback", "dense", "sigmoid", "relu", "softplus", "identity", "wide",
)  # fmt: skip


@cache
def answers() -> dict[str, NDArray[Any]]:
    """What ``tests/oracles/reservoir_reference.py`` asked, and reservoirpy's answers."""
    with np.load(PATH) as file:
        return dict(file)


def asked(name: str, **settings: Any) -> Reservoir:
    """The reservoir of a case."""
    found = answers()
    bias = found[f"{name} bias"]
    matrix = SparseMatrix.from_triplets(
        found[f"{name} rows"],
        found[f"{name} columns"],
        found[f"{name} weights"],
        (len(bias), len(bias)),
    )
    inputs = found[f"{name} inputs"]
    return Reservoir.from_matrices(
        matrix,
        inputs[:, :2],
        inputs[:, 2:] if inputs.shape[1] > 2 else None,
        bias,
        **{
            "leak_rate": float(found[f"{name} leak"]),
            "activation": str(found[f"{name} activation"]),
            "dtype": "float64",
        }
        | settings,
    )


def twin(reservoir: Reservoir, engine: str) -> Reservoir:
    """The same weights on an engine; noise from the seed 7."""
    return Reservoir.from_matrices(
        reservoir.recurrent,
        reservoir.inputs,
        reservoir.feedback,
        reservoir.bias,
        leak_rate=reservoir.leak_rate,
        activation=reservoir.activation,
        noise=reservoir.noise,
        dtype=reservoir.dtype,
        seed=7,
        engine=engine,
    )


def targets() -> Iterator[str]:
    """Forces each SIMD target of this machine in turn."""
    try:
        for target in core.simd_targets():
            core.check(core.library().echo_simd_force(target.encode()))
            yield target
    finally:
        core.check(core.library().echo_simd_force(None))


def uniform(*shape: int, seed: int = 0) -> NDArray[np.float64]:
    """Numbers in [-1, 1)."""
    return np.random.default_rng(seed).uniform(-1, 1, shape)
