"""What a program finds natively and inside Pyodide under Node, in turns."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.bench._measure import ROOT

TURNS = 3


def ask(command: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """What the program prints in its last line."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_both(
    program: str, prefix: str, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """The medians of a module's figures, A B A B, as ``prefix_figure_native`` and ``..._wasm``."""
    node = shutil.which("node") or "node"
    commands = {
        "native": [sys.executable, "-m", program],
        "wasm": [node, str(ROOT / "tests" / "bench" / "pyodide.mjs"), program, *sys.argv[1:]],
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    for _ in range(TURNS):
        for name, command in commands.items():
            turns[name].append(ask(command, environment))
    return {
        f"{prefix}_{key}_{name}": statistics.median(turn[key] for turn in found)
        for name, found in turns.items()
        for key in found[0]
    }
