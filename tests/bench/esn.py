"""Reservoirs: steps natively and inside Pyodide, against reservoirpy and against NumPy."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence

from tests.bench._measure import ROOT, keep

TURNS = 3
PROGRAM = "tests.bench._esn"
PEER = ROOT / "build" / "bench" / "reservoirpy" / "bin" / "python"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT / "py"), str(ROOT)]),
}


def ask(command: Sequence[str]) -> dict[str, float]:
    """What the program prints in its last line."""
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures A B A B and keeps the medians."""
    node = shutil.which("node") or "node"
    commands = {
        "native": [sys.executable, "-m", PROGRAM],
        "wasm": [node, str(ROOT / "tests" / "bench" / "pyodide.mjs"), PROGRAM, *sys.argv[1:]],
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            turns[name].append(ask(command))
    figures = {
        f"esn_{key}_{name}": statistics.median(turn[key] for turn in found)
        for name, found in turns.items()
        for key in found[0]
    }
    peer = ask([str(PEER), "-m", "tests.bench._esn_peer"])
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
