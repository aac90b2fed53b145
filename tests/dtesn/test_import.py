"""What importing costs: only what is used, and never libecho."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import deep_tree_echo
import pytest
from deep_tree_echo.dtesn import BSeries, RootedTree

PROGRAM = """
import sys
import deep_tree_echo
assert "deep_tree_echo.dtesn" not in sys.modules, "the package imports dtesn at once"
assert "numpy" not in sys.modules, "the package imports NumPy at once"
tree = deep_tree_echo.RootedTree([[], []])
assert deep_tree_echo.BSeries.exact(3)[tree] * 3 == 1
assert "deep_tree_echo.core" not in sys.modules, "dtesn wants libecho"
"""


@pytest.mark.native("it starts a process")
def test_nothing_is_imported_before_it_is_used() -> None:
    sources = str(Path(deep_tree_echo.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": sources}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_names_at_the_top_are_the_same() -> None:
    assert deep_tree_echo.RootedTree is RootedTree
    assert deep_tree_echo.BSeries is BSeries
