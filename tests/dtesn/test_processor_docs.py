"""The examples of docs/dtesn.md say what happens."""

from __future__ import annotations

import doctest
import re

import pytest

from tests.conftest import ROOT


@pytest.mark.native("the documents are not copied there")
def test_examples_run() -> None:
    text = (ROOT / "docs" / "dtesn.md").read_text(encoding="utf-8")
    source = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(source, {}, "dtesn.md", "dtesn.md", 0)
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted > 15
    assert result.failed == 0, "".join(report)
