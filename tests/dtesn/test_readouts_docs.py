"""The examples of docs/readouts.md say what happens."""

from __future__ import annotations

import doctest

import pytest

from tests.conftest import ROOT


@pytest.mark.native("the documents are not copied there")
def test_the_examples_of_the_page() -> None:
    page = ROOT / "docs" / "readouts.md"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    found = doctest.testfile(str(page), module_relative=False, optionflags=flags)
    assert found.failed == 0
    assert found.attempted > 20
