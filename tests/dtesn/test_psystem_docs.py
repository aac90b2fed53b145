"""The examples of docs/psystem.md say what happens."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "psystem.md"


@pytest.mark.native("docs/ is not copied into Pyodide")
def test_the_examples_of_the_page():
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=flags)
    assert found.failed == 0
    assert found.attempted > 10
