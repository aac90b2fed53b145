"""The docs as pages of the site."""

from __future__ import annotations

import html.parser
import re
import sys
from pathlib import Path

import pytest

if sys.platform == "emscripten":
    pytest.skip("the site is built outside", allow_module_level=True)

from scripts.docs import DOCS, render, write

NAMES = sorted(path.stem for path in DOCS.glob("*.md"))


class Tags(html.parser.HTMLParser):
    """What a page links to, which places it has, and its text outside code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.words: list[str] = []
        self.depth = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.depth += tag in ("code", "pre", "style", "span")
        self.links += [found["href"] or ""] if tag == "a" else []
        self.places |= {found["id"] or ""} if "id" in found else set()
        assert tag not in ("script", "iframe")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in ("code", "pre", "style", "span")

    def handle_data(self, data: str) -> None:
        self.words += [] if self.depth else [data]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tags]:
    folder: Path = tmp_path_factory.mktemp("docs")
    write(folder)
    return {path.stem: Tags(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


def test_every_file_becomes_a_page(pages: dict[str, Tags]) -> None:
    assert sorted(pages) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_page_leads_somewhere_and_has_no_raw_formula(name: str, pages: dict[str, Tags]) -> None:
    for link in pages[name].links:
        if link.startswith(("https://", "../")):
            continue
        page, _, place = link.partition("#")
        target = pages[page.removesuffix(".html") if page else name]
        assert not place or place in target.places, link
    text = "".join(pages[name].words)
    assert not re.search(r"\\[a-z(\[]|\*\*|\]\(", text)


def test_formulas_tables_and_code() -> None:
    page = render(
        "# A & B\n\n\\[ \\frac12 \\]\n\n| \\(a\\) |\n|---|\n| \\(x_i\\) |\n\n    \\(x\\)\n", {}
    )
    assert "<title>A &amp; B - Deep Tree Echo</title>" in page
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in page
    assert "</math><span>a</span></th>" in page
    assert "<td><math" in page
    assert '<pre tabindex="0"><code>\\(x\\)' in page
    assert "<th>" not in render("| |\n|---|\n| a |\n", {})


def test_an_open_bracket_is_a_bracket() -> None:
    assert "<p>an (open one</p>" in render("an \\(open one", {})
