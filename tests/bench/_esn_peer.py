"""Whole sequences here and in reservoirpy, A B A B in one process; prints medians as JSON.

Run by ``esn.py`` with a Python that has reservoirpy, and our package on its path.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from deep_tree_echo.dtesn import Reservoir
from reservoirpy.nodes import Reservoir as Peer

UNITS, DENSITY, STEPS, ROUNDS, LEAK = 1000, 0.1, 10_000, 5, 0.3
TYPES = ("float32", "float64")


def main() -> None:
    """The same weights, the same inputs, the same states but for rounding."""
    u = np.random.default_rng(0).uniform(-1, 1, (STEPS, 1))
    runs: dict[str, Callable[[], object]] = {}
    for dtype in TYPES:
        series = u.astype(dtype)
        peer = Peer(
            UNITS,
            lr=LEAK,
            sr=0.9,
            rc_connectivity=DENSITY,
            input_scaling=0.1,
            dtype=np.dtype(dtype).type,
            seed=1,
        )
        peer.run(series[:2])
        peer.reset()
        reservoir = Reservoir.from_matrices(
            peer.W, peer.Win, leak_rate=LEAK, dtype=dtype, engine="libecho"
        )
        error = np.abs(peer.run(series[:500]) - reservoir.run(series[:500])).max()
        assert error < (1e-12 if dtype == "float64" else 1e-5), error
        runs[f"reservoirpy_step_us_{dtype}"] = lambda peer=peer, series=series: peer.run(series)
        runs[f"step_us_{dtype}"] = lambda ours=reservoir, series=series: ours.run(series)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append((time.process_time() - start) / STEPS * 1e6)
    found = {name: statistics.median(values) for name, values in times.items()}
    found |= {f"{name}_best": min(values) for name, values in times.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
