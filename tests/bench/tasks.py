"""Readouts: what reservoirs reach on the field's tasks, and what least squares costs."""

from __future__ import annotations

import math
import statistics

from tests.bench._engines import in_both
from tests.bench._measure import keep
from tests.dtesn import experiments


def costs() -> dict[str, float]:
    """Least squares natively and inside Pyodide, in turns, one thread each."""
    return in_both("tests.bench._readouts", "readout", {"OPENBLAS_NUM_THREADS": "1"})


def tasks() -> dict[str, float]:
    """The errors, each the mean or the median of some seeds."""
    found: dict[str, float] = {}
    for size in (50, 100, 200, 400):
        errors = [experiments.narma10(size, seed) for seed in range(5)]
        found[f"narma10_{size}_nmse"] = statistics.mean(errors)
        found[f"narma10_{size}_nmse_deviation"] = statistics.pstdev(errors)
    direct = [experiments.mackey_glass_direct(1000, seed) for seed in range(3)]
    found["mackey_glass_84_direct_nrmse"] = max(direct)
    free = [experiments.jaeger_haas(seed) for seed in range(5)]
    found["mackey_glass_84_free_log10_nrmse"] = statistics.median(map(math.log10, free))
    found["mackey_glass_84_free_log10_nrmse_most"] = math.log10(max(free))
    found["memory_capacity_100"] = float(experiments.documented_memory().sum())
    times = [experiments.lorenz_valid_time(500, seed) for seed in range(5)]
    found["lorenz_valid_lyapunov_times"] = statistics.median(times)
    return found


def main() -> None:
    """Measures and keeps the figures."""
    figures = tasks() | costs()
    for key, value in figures.items():
        print(f"  {key:44} {value:10.4f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
