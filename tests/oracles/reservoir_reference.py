"""Asks reservoirpy for the trajectories of reservoirs.

Without arguments it writes ``golden/reservoirs.npz``, with the weights beside the states of every
50th of 1000 steps; with ``--check`` it asks again and compares to 1e-12. Run it by
``./build.sh oracles``, or with a Python that has reservoirpy. Nothing of the package is imported:
the answers are theirs alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parent / "golden" / "reservoirs.npz"
Arrays = dict[str, NDArray[Any]]

STEPS, EVERY, INPUTS, FEEDBACK = 1000, 50, 2, 1
# name: units, leak rate, spectral radius, connections, bias, activation, feedback
CASES: dict[str, tuple[int, float, float, float, float, str, bool]] = {
    "plain": (60, 1.0, 0.9, 0.1, 0.0, "tanh", False),
    "leaky": (60, 0.3, 1.1, 0.1, 0.2, "tanh", False),
    "feedback": (60, 0.5, 0.8, 0.2, 0.1, "tanh", True),
    "dense": (40, 0.7, 0.95, 1.0, 0.1, "tanh", False),
    "sigmoid": (40, 0.6, 2.0, 0.2, 0.1, "sigmoid", False),
    "relu": (40, 0.5, 0.7, 0.2, 0.1, "relu", False),
    "softplus": (40, 0.4, 0.6, 0.2, 0.0, "softplus", False),
    "identity": (40, 0.9, 0.8, 0.2, 0.0, "identity", False),
    "wide": (160, 0.4, 0.9, 0.2, 0.1, "tanh", False),
}


def answers() -> Arrays:
    """What went in, and the states. What is fed back is more inputs to reservoirpy."""
    from reservoirpy.nodes import Reservoir

    rng = np.random.default_rng(3)
    driving = rng.uniform(-1, 1, (STEPS, INPUTS + FEEDBACK))
    found: Arrays = {"driving": driving}
    for name, (units, leak, radius, share, bias, function, back) in CASES.items():
        width = INPUTS + FEEDBACK * back
        node = Reservoir(
            units,
            lr=leak,
            sr=radius,
            rc_connectivity=share,
            input_connectivity=1.0,
            input_scaling=0.5,
            bias=bias * rng.uniform(-1, 1, units),
            activation=function,
            seed=5,
        )
        states = node.run(driving[:, :width])
        dense = node.W.toarray() if hasattr(node.W, "toarray") else node.W
        inputs = node.Win.toarray() if hasattr(node.Win, "toarray") else node.Win
        rows, columns = np.nonzero(dense)
        found[f"{name} rows"] = rows.astype(np.uint16)
        found[f"{name} columns"] = columns.astype(np.uint16)
        found[f"{name} weights"] = dense[rows, columns]
        found[f"{name} inputs"] = inputs
        found[f"{name} bias"] = node.bias
        found[f"{name} leak"] = np.array(leak)
        found[f"{name} activation"] = np.array(function)
        found[f"{name} states"] = states[EVERY - 1 :: EVERY]
    return found


def main() -> int:
    """Writes the golden file, or compares with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the golden file")
    found = answers()
    if not parser.parse_args().check:
        np.savez_compressed(GOLDEN, allow_pickle=False, **found)
        return 0
    with np.load(GOLDEN) as kept:
        same = set(kept.files) == set(found)
        for name in kept.files if same else ():
            if kept[name].dtype.kind in "US":
                same &= bool(kept[name] == found[name])
            else:
                same &= bool(np.allclose(kept[name], found[name], rtol=0, atol=1e-12))
    print("reservoirs: the same" if same else "reservoirs: reservoirpy answers otherwise now")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
