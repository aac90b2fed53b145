"""The program of ``tasks.py`` that runs natively and inside Pyodide: prints its figures."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from deep_tree_echo.dtesn.least_squares import NativeAlgebra, ReferenceRls

ROUNDS = 5
FEATURES = 512
ROWS = 512


def seconds(work: Callable[[], object], least: float = 0.2) -> float:
    """The median processor time of some rounds, each of at least ``least`` seconds."""
    work()
    times: list[float] = []
    for _ in range(ROUNDS):
        count, start = 0, time.process_time()
        while time.process_time() - start < least:
            work()
            count += 1
        times.append((time.process_time() - start) / count)
    return statistics.median(times)


def main() -> None:
    """Prints the figures."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, FEATURES))
    gram = np.zeros((FEATURES, FEATURES))
    algebra = NativeAlgebra()
    work = ROWS * FEATURES * FEATURES / 1e9  # a multiplication and an addition for half of pairs
    figures = {
        "gram_gflops": work / seconds(lambda: algebra.gram_add(x, FEATURES, gram)),
        "gram_gflops_numpy": work / seconds(lambda: x.T @ x),
    }
    matrix = x.T @ x + np.eye(FEATURES)
    right = rng.normal(size=(1, FEATURES))
    figures["solve_ms"] = 1e3 * seconds(lambda: algebra.gram_solve(matrix, right, 0.0))
    figures["solve_ms_numpy"] = 1e3 * seconds(lambda: np.linalg.solve(matrix, right[0]))
    for n in (256, 512, 1024):
        samples, targets = rng.normal(size=(16, n)), rng.normal(size=(16, 1))
        ours = algebra.rls(n, 1, 1e3, 0.999, False)
        figures[f"rls_{n}_us"] = 1e6 / 16 * seconds(lambda: ours.update(samples, targets))  # noqa: B023
        theirs = ReferenceRls(n, 1, 1e3, 0.999, False)
        few = slice(0, 2)
        figures[f"rls_{n}_us_numpy"] = (
            1e6
            / 2
            * seconds(
                lambda: theirs.update(samples[few], targets[few])  # noqa: B023
            )
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
