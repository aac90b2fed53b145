"""The docs as pages of the site: Markdown to HTML, formulas to MathML, and no script.

``python -m scripts.docs FOLDER`` writes one page for each file of ``docs/``.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

__all__ = ["render", "write"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
_ENDS = {r"\(": r"\)", r"\[": r"\]"}
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2321; --paper: #fafaf7; --line: #dfe4e0;
  --side: #f2f4f1; --accent: #0b6b66; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eae7; --paper: #121715; --line: #2a3330;
  --side: #161b1a; --accent: #58c4b8; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 75ch; color: var(--ink);
  background: var(--paper); font: 1rem/1.6 system-ui, sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding-bottom: .75rem;
  border-bottom: 1px solid var(--line); font-size: .875rem; }
a { color: var(--accent); }
h1, h2, h3 { line-height: 1.25; }
pre, code { font: .875em/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { padding: .75rem 1rem; overflow-x: auto; border-radius: .5rem; background: var(--side); }
.table { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: start;
  vertical-align: top; }
math + span { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
math[display="block"] { overflow-x: auto; padding: .25rem 0; }
"""


def _formula(state: StateInline, silent: bool) -> bool:
    r"""An inline rule for ``\( ... \)`` and ``\[ ... \]``."""
    begin = state.src[state.pos : state.pos + 2]
    end = _ENDS.get(begin)
    stop = state.src.find(end, state.pos + 2) if end else -1
    if end is None or stop < 0:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = state.src[state.pos + 2 : stop].strip()
        token.block = begin == r"\["
    state.pos = stop + 2
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.inline.ruler.before("escape", "formula", _formula)

    # The first argument is the renderer, as for its own methods.
    def formula(_: object, tokens: list[Token], at: int, *rest: object) -> str:
        token = tokens[at]
        formula = str(convert(token.content, display="block" if token.block else "inline"))
        alone = len(tokens) == 1 and not token.block
        # Not all tools that read a table's headings aloud read MathML.
        return formula if not alone else f"{formula}<span>{html.escape(token.content)}</span>"

    def table(*_: object) -> str:
        return '<div class="table" tabindex="0"><table>'

    def table_end(*_: object) -> str:
        return "</table></div>"

    parser.add_render_rule("formula", formula)
    parser.add_render_rule("table_open", table)
    parser.add_render_rule("table_close", table_end)
    return parser


def _slug(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-")


def render(text: str, pages: dict[str, str]) -> str:
    r"""A page of the docs.

    Parameters
    ----------
    text : str
        Its Markdown.
    pages : dict of str to str
        The titles of all pages by the names of their files, without an ending.

    Returns
    -------
    str
        HTML that needs nothing else.

    Examples
    --------
    >>> page = render("# Sums\n\nSee [b](b.md#one): \\(a^2\\), `\\(x\\)`.", {"b": "B"})
    >>> '<a href="b.html#one">b</a>: <math' in page, r"<code>\(x\)</code>" in page
    (True, True)
    """
    parser = _parser()
    tokens = parser.parse(text)
    title = "Deep Tree Echo"
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[at + 1].content
            token.attrSet("id", _slug(words))
            title = words if token.tag == "h1" else title
        for inner in token.children or ():
            href = inner.attrGet("href") if inner.type == "link_open" else None
            if isinstance(href, str):
                inner.attrSet("href", re.sub(r"^([\w-]+)\.md(?=#|$)", r"\1.html", href))
    body = str(parser.renderer.render(tokens, parser.options, {}))
    # What scrolls can be reached by keyboard, and a heading says something.
    body = body.replace("<pre>", '<pre tabindex="0">').replace("<th></th>", "<td></td>")
    links = "".join(
        f'<a href="{name}.html">{html.escape(title)}</a>' for name, title in pages.items()
    )
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)} - Deep Tree Echo</title>\n<style>{_STYLE}</style>\n"
        f'<nav aria-label="Docs"><a href="../">Deep Tree Echo</a>{links}</nav>\n'
        f"<main>\n{body}</main>\n</html>\n"
    )


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
    titles = {
        name: found[1] if (found := re.search(r"^# (.+)$", text, re.MULTILINE)) else name
        for name, text in texts.items()
    } | {"index": "All pages"}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.html"):
        if old.stem not in texts:
            old.unlink()
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(render(text, titles), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
