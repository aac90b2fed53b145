"""Damage anywhere in a file ends in a model or in one sentence, never in a crash."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from tests.bad_input import flips
from tests.conftest import ON_PYODIDE, ROOT
from tests.evaluators import BACKENDS

COPIES = 60 if ON_PYODIDE else 600


def counts_of(backend: str) -> dict[str, int]:
    if ON_PYODIDE:  # no processes; a crash would end the run, which says so
        return dict(flips.run(backend, COPIES))
    path = os.pathsep.join([str(ROOT), str(ROOT / "py"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.run(
        [sys.executable, "-m", "tests.bad_input.flips", backend, str(COPIES)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = process.stdout.splitlines() or [""]
    if process.returncode < 0:
        pytest.fail(f"signal {-process.returncode} ended Python at {lines[-1]}")
    assert process.returncode == 0, f"at {lines[-1]}: {process.stderr}"
    return ast.literal_eval(lines[-1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_damage_crashes(backend):
    counts = counts_of(backend)
    print(counts)
    assert sum(counts.values()) == 2 * COPIES
    assert counts["ModelFormatError"] > COPIES  # else the damage was none
