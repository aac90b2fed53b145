"""Steps of reservoirs: ``python -m tests.bench._esn`` prints microseconds as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from deep_tree_echo.dtesn import Reservoir, SparseMatrix

IN_PYODIDE = sys.platform == "emscripten"
ROUNDS = 7
WARM_S = 1.0
UNITS, DENSITY, LEAK = 1000, 0.1, 0.3
SIZES = (500, 1000, 2000, 4000)


def microseconds(run: Callable[[], object], steps: int) -> float:
    """The median time of a step, over some rounds."""
    times: list[float] = []
    began = time.perf_counter()
    # WebAssembly is compiled well only while it runs.
    while len(times) < ROUNDS or time.perf_counter() - began < WARM_S:
        # Processor time; inside Pyodide there is only the wall clock.
        start = time.process_time()
        run()
        times.append((time.process_time() - start) / steps * 1e6)
    return statistics.median(times[-ROUNDS:])


def ours(size: int, dtype: str, steps: int) -> float:
    """A step of a sequence in libecho."""
    reservoir = Reservoir(
        size, density=DENSITY, leak_rate=LEAK, dtype=dtype, seed=1, engine="libecho"
    )
    u = np.sin(np.arange(float(steps))).astype(dtype)
    out = np.empty((steps, size), dtype=dtype)
    return microseconds(lambda: reservoir.run(u, out=out), steps)


def numpys(size: int, dtype: str, steps: int, sparse: bool) -> float:
    """A step as one writes it in NumPy: the whole matrix, or the non-zeros alone."""
    reservoir = Reservoir(size, density=DENSITY, leak_rate=LEAK, dtype=dtype, seed=1)
    matrix = reservoir.recurrent
    assert isinstance(matrix, SparseMatrix)
    w = matrix if sparse else matrix.to_dense()
    w_in = reservoir.inputs[:, 0]
    u = np.sin(np.arange(float(steps))).astype(dtype)
    keep, leak = (np.dtype(dtype).type(x) for x in (1 - LEAK, LEAK))

    def run() -> None:
        x = np.zeros(size, dtype=dtype)
        for t in range(steps):
            x = keep * x + leak * np.tanh(w @ x + w_in * u[t])

    return microseconds(run, steps)


def main() -> None:
    """Prints the figures."""
    found = {}
    for dtype in ("float32", "float64"):
        found[f"step_us_{dtype}"] = ours(UNITS, dtype, 500)
        found[f"step_512_us_{dtype}"] = ours(512, dtype, 500)
    if IN_PYODIDE:
        for dtype in ("float32", "float64"):
            found[f"numpy_step_us_{dtype}"] = min(
                numpys(UNITS, dtype, 20, sparse) for sparse in (False, True)
            )
    else:
        times = [ours(size, "float32", 200_000 // size) for size in SIZES]
        nonzeros = [round(DENSITY * size**2) for size in SIZES]
        found["slope"] = float(np.polyfit(np.log(nonzeros), np.log(times), 1)[0])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
