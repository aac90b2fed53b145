"""The site: static files only, with a manifest of everything that it serves."""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from external.sources import read_sources
from scripts import snapshot
from scripts.steps import BUILD, ROOT, Log

__all__ = ["SITE", "assemble", "inputs"]

SITE = BUILD / "site"
PAGE = BUILD / "web"
DOCS = BUILD / "docs"
PYODIDE = BUILD / "external" / "pyodide"
# Without and with relaxed SIMD; the page loads the one that its browser runs faster.
LIBRARIES = (BUILD / "wasm" / "libecho.so", BUILD / "relaxed" / "libecho-relaxed.so")
# Parses P-Lingua; the page asks for it only when somebody writes some.
LARK = BUILD / "external" / "wheels" / "lark"
MODELS = ROOT / "py" / "deep_tree_echo" / "models"
CORE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
# Not worth a second file when they are already compressed, or tiny.
COMPRESSED = {".whl", ".zip", ".png", ".woff2", ".gz"}
SMALLEST = 1024
# Hosts compress files of known types on their way. Of these the page asks for the packed copy.
PACKED = tuple(f"python/{name}" for name in (*snapshot.ARCHIVES, "snapshot.bin"))


def inputs() -> Iterator[Path | str]:
    """Give what the site is made from."""
    yield from (PAGE, DOCS, snapshot.FOLDER, *LIBRARIES, MODELS, Path(__file__))
    yield from (PYODIDE / ".source.json", LARK / ".source.json")
    yield from (ROOT / "external" / "sources.toml", ROOT / "LICENSE")
    yield ROOT / "web" / "package-lock.json"


def assemble(log: Log) -> None:
    """Put the site together in ``build/site/``.

    Every file appears at once, and files of an earlier build go last, so a server that runs
    meanwhile never sends half of one.
    """
    files: dict[str, Path | bytes] = {}
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            files[str(path.relative_to(PAGE))] = path
    for name in CORE_FILES:
        files[f"pyodide/{name}"] = PYODIDE / name
    files["pyodide/pyodide-lock.json"] = trimmed_lock(PYODIDE / "pyodide-lock.json")
    for path in sorted(snapshot.FOLDER.rglob("*")):
        if path.is_file():
            files[f"python/{path.relative_to(snapshot.FOLDER).as_posix()}"] = path
    for library in LIBRARIES:
        files[f"wheels/{library.name}"] = library
    for path in DOCS.glob("*.html"):
        files[f"docs/{path.name}"] = path
    for path in LARK.glob("*.whl"):
        files[f"wheels/{path.name}"] = path
    for path in sorted(MODELS.glob("*.bin")):
        files[f"models/{path.name}"] = path
    files["licences.html"] = licences()

    listed: list[dict[str, Any]] = []
    for name in sorted(files):
        data = _content(files[name])
        entry = {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        listed.append(entry | ({"gzip": True} if name in PACKED else {}))
        _write(SITE / name, data)
    manifest = json.dumps({"files": listed}, indent=1).encode()
    _write(SITE / "assets.json", manifest)
    keep = {SITE / name for name in (*files, "assets.json")}
    for path in sorted(SITE.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in keep and path.with_suffix("") not in keep:
            path.unlink()
    total = sum(item["bytes"] for item in listed)
    log.last = f"{len(listed)} files, {total / 1e6:.1f} MB"


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _write(path: Path, data: bytes) -> None:
    """Write a file and then its compressed copy, unless both are there already.

    The server sends only copies that are not older than their file, so never an outdated one.
    """
    packed = path.with_name(path.name + ".gz")
    worth = path.suffix not in COMPRESSED and len(data) >= SMALLEST
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
    if not worth:
        packed.unlink(missing_ok=True)
    elif not packed.exists() or packed.stat().st_mtime_ns < path.stat().st_mtime_ns:
        _replace(packed, gzip.compress(data, 9, mtime=0))


def _replace(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def trimmed_lock(path: Path) -> bytes:
    """Return Pyodide's list of packages without packages: the site has its own way for them.

    Parameters
    ----------
    path : Path
        ``pyodide-lock.json`` as Pyodide ships it.

    Returns
    -------
    bytes
        The same document with no package.
    """
    lock: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lock["packages"] = {}
    return json.dumps(lock, indent=1).encode()


def licences() -> bytes:
    """Return the page that lists what others wrote and the site contains."""
    rows = []
    sources = read_sources(ROOT / "external" / "sources.toml")
    for name in ("pyodide", "numpy", "highway", "world", "wheels/lark"):
        source = sources[name]
        rows.append((name.rpartition("/")[2], source.version, source.licence, source.why))
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    for place, package in sorted(lock["packages"].items()):
        if place and not package.get("dev") and not package.get("optional"):
            name = place.rpartition("node_modules/")[2]
            rows.append((name, package["version"], package.get("license", "see npm"), ""))
    table = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    texts = [("Deep Tree Echo (MIT)", ROOT / "LICENSE")]
    texts += [("Google Highway", BUILD / "external" / "highway" / "LICENSE")]
    texts += [("WordNet 3.0, read in training", MODELS / "LICENSE.WordNet")]
    for place, package in sorted(lock["packages"].items()):
        if not place or package.get("dev") or package.get("optional"):
            continue
        found = sorted((ROOT / "web" / place).glob("LICEN[CS]E*"))
        texts += [(place.rpartition("node_modules/")[2], path) for path in found[:1]]
    bodies = "\n".join(
        f"<h2>{html.escape(title)}</h2><pre>{html.escape(path.read_text(encoding='utf-8'))}</pre>"
        for title, path in texts
        if path.exists()
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Licences</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.6 system-ui; max-width: 70ch; margin: 2rem auto; padding: 0 1rem }}
td, th {{ text-align: left; vertical-align: top; padding-right: 1rem }}
pre {{ white-space: pre-wrap; font-size: 0.85rem }}
</style>
<h1>Licences</h1>
<p>Deep Tree Echo is MIT licensed. This site also contains:</p>
<table><tr><th>Name</th><th>Version</th><th>Licence</th><th>For</th></tr>
{table}</table>
{bodies}
</html>
""".encode()


def clean() -> None:
    """Remove everything that the build made, downloads included."""
    for path in (BUILD, ROOT / ".venv", ROOT / "web" / "node_modules"):
        shutil.rmtree(path, ignore_errors=True)
