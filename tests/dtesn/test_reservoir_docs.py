"""The examples of docs/reservoirs.md say what happens."""

from __future__ import annotations

import doctest
import re

import pytest

from tests.conftest import ROOT


@pytest.mark.native("the documents are not copied there")
def test_examples_run() -> None:
    text = (ROOT / "docs" / "reservoirs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    source = "\n".join(blocks)
    test = doctest.DocTestParser().get_doctest(source, {}, "reservoirs.md", "reservoirs.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted > 10
    assert result.failed == 0, "".join(report)
