"""The examples of the docs' pages say what happens."""

from __future__ import annotations

import doctest
import re

import pytest

from tests.conftest import ROOT

ROUGHLY = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.native("the documents are not copied there")
@pytest.mark.parametrize(
    ("name", "flags", "more_than"),
    [
        ("backends.md", 0, 12),
        ("bseries.md", 0, 10),
        ("dtesn.md", 0, 15),
        ("psystem.md", ROUGHLY, 10),
        ("readouts.md", ROUGHLY, 20),
        ("reasoning.md", 0, 10),
        ("reservoirs.md", 0, 10),
        ("sources.md", 0, 10),
        ("store.md", doctest.IGNORE_EXCEPTION_DETAIL, 20),
    ],
)
def test_examples_run(name: str, flags: int, more_than: int) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    source = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert source.count(">>> ") == text.count(">>> ")
    test = doctest.DocTestParser().get_doctest(source, {}, name, name, 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append)
    assert result.attempted > more_than
    assert result.failed == 0, "".join(report)
