"""What a visitor downloads stays small."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[1] / "build"

pytestmark = pytest.mark.native("it looks at what was built")


@pytest.mark.parametrize("name", ["wasm/libecho.so", "relaxed/libecho-relaxed.so"])
def test_library_for_pyodide(name: str) -> None:
    library = BUILD / name
    if not library.exists():
        pytest.skip(f"{name} is not built")
    assert library.stat().st_size <= 400_000


def test_scripts_of_the_page() -> None:
    """All of it, compressed, without Pyodide."""
    site = BUILD / "site"
    if not (site / "assets.json").exists():
        pytest.skip("the site is not built")
    scripts = [
        path
        for path in site.rglob("*.*js")
        if path.suffix in (".js", ".mjs") and "pyodide" not in path.parts
    ]
    assert scripts, "the site has no scripts"
    total = sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in scripts)
    assert total <= 200_000
