"""The processor: its time per token and its parts, natively and inside Pyodide under Node."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence

from tests.bench._measure import ROOT, keep

TURNS = 3
PROGRAM = "tests.bench._processor"


def ask(command: Sequence[str]) -> dict[str, float]:
    """What the program prints in its last line."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
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
        f"processor_{key}_{name}": statistics.median(turn[key] for turn in found)
        for name, found in turns.items()
        for key in found[0]
    }
    for name, value in figures.items():
        print(f"  {name:44} {value:10.2f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
