"""Reservoirs: steps natively and inside Pyodide, against reservoirpy and against NumPy."""

from __future__ import annotations

import os

from tests.bench._engines import ask, in_both
from tests.bench._measure import ROOT, keep

PEER = ROOT / "build" / "bench" / "reservoirpy" / "bin" / "python"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT / "py"), str(ROOT)]),
}


def main() -> None:
    """Measures A B A B and keeps the medians."""
    figures = in_both("tests.bench._esn", "esn", ONE_THREAD)
    peer = ask([str(PEER), "-m", "tests.bench._esn_peer"], ONE_THREAD)
    figures |= {f"esn_peer_{key}": value for key, value in peer.items()}
    for dtype in ("float32", "float64"):
        theirs, ours = peer[f"reservoirpy_step_us_{dtype}"], peer[f"step_us_{dtype}"]
        figures[f"esn_{dtype}_vs_reservoirpy_{dtype}"] = theirs / ours
        figures[f"esn_wasm_vs_numpy_in_pyodide_{dtype}"] = (
            figures[f"esn_numpy_step_us_{dtype}_wasm"] / figures[f"esn_step_us_{dtype}_wasm"]
        )
    figures["esn_slope_off_native"] = abs(figures["esn_slope_native"] - 1)
    # Each as it comes: ours is float32, theirs float64, which is also their faster one.
    figures["esn_vs_reservoirpy"] = peer["reservoirpy_step_us_float64"] / peer["step_us_float32"]
    figures["esn_wasm_vs_numpy_in_pyodide"] = figures["esn_wasm_vs_numpy_in_pyodide_float32"]
    figures["reservoir_step_512_us_wasm"] = figures["esn_step_512_us_float32_wasm"]
    for name, value in sorted(figures.items()):
        print(f"  {name:44} {value:10.2f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
