"""Asks reservoirpy about readouts: ridge regression, RLS, LMS, plasticity, memory capacity.

Without arguments it writes ``golden/readouts.npz``, with what was asked beside the answers; with
``--check`` it asks again and compares to 1e-9. Run it by ``./build.sh oracles``, or with a Python
that has reservoirpy. Nothing of the package is imported: the answers are theirs alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parent / "golden" / "readouts.npz"
Arrays = dict[str, NDArray[Any]]

STEPS, FEATURES = 240, 12
REGULARISATIONS = (1e-6, 1e-2)
FORGETTING = (1.0, 0.98)


def samples() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """States with correlated features and a mean, and two noisy targets."""
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(FEATURES, FEATURES))
    states = np.tanh(0.4 * rng.normal(size=(STEPS, FEATURES)) @ mixing + 0.3)
    targets = states @ rng.normal(size=(FEATURES, 2)) + [2.0, -1.0]
    return states, targets + 0.05 * rng.normal(size=targets.shape)


def readouts() -> Arrays:
    """Weights of the three kinds; those that learn as they go on states with a constant feature.

    reservoirpy's own bias of RLS is a running mean and no least squares, so it is not asked for.
    """
    from reservoirpy.nodes import LMS, RLS, Ridge

    states, targets = samples()
    constant = np.hstack([states, np.ones((STEPS, 1))])
    found: Arrays = {"states": states, "targets": targets}
    for regularisation in REGULARISATIONS:
        for bias in (True, False):
            node = Ridge(ridge=regularisation, fit_bias=bias).fit(states, targets)
            name = f"ridge {regularisation:g} {'bias' if bias else 'plain'}"
            found[f"{name} weights"] = node.Wout.T
            found[f"{name} bias"] = node.bias
    for forgetting in FORGETTING:
        node = RLS(alpha=1e-2, forgetting=forgetting, fit_bias=False)
        for start, end in ((0, 50), (50, STEPS)):
            node.partial_fit(constant[start:end], targets[start:end])
            found[f"rls {forgetting:g} after {end}"] = node.Wout.T.copy()
        found[f"rls {forgetting:g} covariance"] = node.P
    node = LMS(learning_rate=0.02, fit_bias=False)
    node.partial_fit(constant, targets)
    found["lms"] = node.Wout.T
    return found


def plasticity() -> Arrays:
    """Gain and bias of a reservoir's units after some epochs, for both activations."""
    from reservoirpy.nodes import IPReservoir

    rng = np.random.default_rng(3)
    w = 0.3 * rng.normal(size=(10, 10))
    w_in, bias = rng.uniform(-1, 1, size=(10, 1)), rng.uniform(-0.2, 0.2, size=10)
    inputs = rng.uniform(-0.8, 0.8, size=(150, 1))
    found: Arrays = {"ip recurrent": w, "ip inputs": w_in, "ip bias": bias, "ip series": inputs}
    for activation, mu in (("tanh", 0.1), ("sigmoid", 0.3)):
        node = IPReservoir(
            W=w,
            Win=w_in,
            bias=bias,
            mu=mu,
            sigma=0.25,
            learning_rate=1e-3,
            activation=activation,
        )
        node.fit(inputs)
        found[f"ip {activation} gain"], found[f"ip {activation} shift"] = node.a, node.b
    return found


def memory() -> Arrays:
    """The example of its documentation: 100 units, delays to 50, seed 1."""
    from reservoirpy.nodes import Reservoir, Ridge
    from reservoirpy.observables import memory_capacity

    series = np.random.default_rng(1).uniform(-0.8, 0.8, size=(500, 1))
    model = Reservoir(100, sr=1, seed=1) >> Ridge(ridge=1e-4)
    capacities = memory_capacity(model, k_max=50, as_list=True, seed=1)
    again = memory_capacity(model, k_max=50, as_list=True, series=series)
    assert np.array_equal(capacities, again), "the series of its seed is another one"
    reservoir = Reservoir(100, sr=1, seed=1)
    reservoir.initialize(series)
    w, w_in = (np.asarray(m.todense()) for m in (reservoir.W, reservoir.Win))
    rows, columns = np.nonzero(w)
    return {
        "memory rows": rows.astype(np.uint8),
        "memory columns": columns.astype(np.uint8),
        "memory values": w[rows, columns],
        "memory inputs": w_in,
        "memory series": series[:, 0],
        "memory capacities": capacities,
    }


def main() -> int:
    """Writes or checks the golden file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    answers = readouts() | plasticity() | memory()
    if not arguments.check:
        np.savez_compressed(GOLDEN, **answers)
        print(f"{GOLDEN.name}: {GOLDEN.stat().st_size} bytes")
        return 0
    with np.load(GOLDEN) as known:
        same = set(known) == set(answers) and all(
            np.allclose(known[name], answers[name], rtol=1e-9, atol=1e-12) for name in known
        )
    print(f"{GOLDEN.name}: {'the same' if same else 'DIFFERS'}")
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
