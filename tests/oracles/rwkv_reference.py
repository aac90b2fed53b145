"""Asks the author's own code (PyPI ``rwkv`` on torch, CPU, FP32) about random models.

Without arguments it writes the golden files; with ``--check`` it recomputes and compares them.
Run it by ``./build.sh oracles``, or with a Python that has torch and rwkv.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "py")]

import numpy as np  # noqa: E402

from tests.oracles.cases import CASES, POSITIONS, STATE_STRIDE, Case  # noqa: E402
from tests.oracles.checkpoints import checkpoint  # noqa: E402
from tests.random_models import random_weights  # noqa: E402

TOLERANCE = 1e-4
"""How far two machines' torch may be apart."""


def ask(case: Case) -> dict[str, np.ndarray]:
    """Logits at `POSITIONS` and the final state of one case, by the author's code."""
    import torch
    from rwkv.model import RWKV

    torch.set_num_threads(1)
    weights = checkpoint(case.architecture, random_weights(**case.parameters()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pth"
        torch.save(weights, path)
        with redirect_stdout(io.StringIO()):  # it lists every tensor
            model = RWKV(model=str(path.with_suffix("")), strategy="cpu fp32")
        state: Any = None
        logits = []
        for count, token in enumerate(case.tokens().tolist(), 1):
            output, state = model.forward([token], state)
            if count in POSITIONS:
                logits.append(output.float().numpy().reshape(-1).copy())
    flat = in_our_order(case, [part.float().numpy() for part in state])
    return {"logits": np.stack(logits), "state": flat[::STATE_STRIDE]}


def in_our_order(case: Case, parts: list[np.ndarray]) -> np.ndarray:
    """The author's state in the order of ``echo.h``: one vector of float32."""
    n_parts = len(parts) // case.n_layer
    rows = []
    for layer in range(case.n_layer):
        time_shift, *memory, channel_shift = parts[layer * n_parts : (layer + 1) * n_parts]
        rows += [time_shift, channel_shift, *memory]
    return np.concatenate([row.reshape(-1) for row in rows]).astype(np.float32)


def compare(case: Case, found: dict[str, np.ndarray]) -> float:
    """The greatest difference from the golden file."""
    with np.load(case.path) as stored:
        return max(float(np.abs(stored[name] - found[name]).max()) for name in found)


def main() -> int:
    """Runs all cases; those of RWKV 7 in a process of their own, as the package wants it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--family", choices=("old", "7.0"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.family is None:
        status = 0
        for family in ("old", "7.0"):
            environment = os.environ | {"RWKV_V7_ON": str(int(family == "7.0")), "RWKV_JIT_ON": "0"}
            command = [sys.executable, __file__, "--family", family]
            command += ["--check"] if arguments.check else []
            status |= subprocess.run(command, env=environment, check=False).returncode
        return status
    status = 0
    for case in CASES:
        if (case.architecture == "7.0") != (arguments.family == "7.0"):
            continue
        found = ask(case)
        if arguments.check:
            difference = compare(case, found)
            print(f"{case.name}: differs by at most {difference:.2e}", flush=True)
            status |= int(difference > TOLERANCE)
        else:
            np.savez_compressed(case.path, **found)
            print(f"{case.name}: {case.path.stat().st_size} bytes", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
