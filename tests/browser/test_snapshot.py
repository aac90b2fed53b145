"""Python goes on from the site's snapshot; without one that fits, it starts plainly."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.serve import Server

from .conftest import SITE, Open, figures, open_inside, say, serving, wait_answer, wait_ready

SNAPSHOT = "python/snapshot.bin"
REST = tuple(f"python/{name}.tar.gz" for name in ("imported", "packages", "numpy"))
REST += ("pyodide/python_stdlib.zip",)
PLAINLY = "Python starts without its snapshot: "


def heard(page: Page) -> list[str]:
    """What the console says from now on."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    return said


def answers(page: Page) -> None:
    """An answer by the fast backend, with nothing missing."""
    assert wait_ready(page) == "rwkv_cpp"
    say(page, "Is my data private?")
    assert wait_answer(page)
    assert "Not " not in figures(page)


def test_the_first_answer_needs_no_more_than_the_snapshot(open_page: Open, site: Server) -> None:
    page = open_page(
        url="about:blank",
        other_origins=(site.url,),
        block=tuple(f"**/{path}" for path in REST),
        # The offline copy asks for everything again, from the browser's cache.
        script="delete Navigator.prototype.serviceWorker;",
    )
    paths: list[str] = []
    said = heard(page)
    page.context.on("request", lambda sent: paths.append(sent.url.removeprefix(site.url)))
    page.goto(site.url)
    assert wait_ready(page) == "rwkv_cpp"
    opening = list(paths)
    open_inside(page, "State")
    answers(page)
    expect(page.get_by_role("img", name="Norm")).not_to_have_count(0)
    open_inside(page, "Model")
    assert not [text for text in said if text.startswith(PLAINLY)]
    assert f"{SNAPSHOT}.gz" in opening
    # Each file is asked for once, by us or by Pyodide.
    files = [path for path in opening if path.startswith(("pyodide/", "python/", "models/"))]
    assert sorted(set(files) - set(REST)) == sorted(path for path in files if path not in REST)


def rewritten(data: bytes, key: str, value: object) -> bytes:
    """The snapshot with one fact changed."""
    length = int.from_bytes(data[8:12], "little")
    facts = json.loads(data[12 : 12 + length])
    header = json.dumps(facts | {key: value}).encode()
    return data[:8] + len(header).to_bytes(4, "little") + header + data[12 + length :]


SPOILT = {
    "missing": "",
    "cut": "could not be fetched whole",
    "damaged": "could not be fetched whole",
    "changed": "is damaged: its SHA-256 begins with",
    "too short": "is damaged: it has",
    "of another Python": "The snapshot belongs to another pyodide/pyodide.asm.wasm.",
    "of another browser": "This browser links Python's libraries in another way",
    "no snapshot": "The snapshot begins with",
}


@pytest.mark.parametrize("how", SPOILT)
def test_without_a_fitting_snapshot_python_starts_plainly(
    how: str, open_page: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    packed = folder / f"{SNAPSHOT}.gz"
    data = (folder / SNAPSHOT).read_bytes()
    manifest = json.loads((folder / "assets.json").read_text())
    entry = next(file for file in manifest["files"] if file["path"] == SNAPSHOT)
    if how == "missing":
        manifest["files"].remove(entry)
    elif how == "cut":
        packed.write_bytes(packed.read_bytes()[:1_000_000])
    elif how == "damaged":
        spoilt = bytearray(packed.read_bytes())
        spoilt[len(spoilt) // 2] ^= 1
        packed.write_bytes(spoilt)
    elif how == "changed":
        packed.write_bytes(gzip.compress(data[:-1] + b"\x01", 1))
    elif how == "too short":
        packed.write_bytes(gzip.compress(data[:-1], 1))
    else:
        if how == "of another Python":
            data = rewritten(data, "inputs", {"pyodide/pyodide.asm.wasm": "0" * 64})
        elif how == "of another browser":
            data = rewritten(data, "link", 0)
        else:
            data = b"anything" + data[8:]
        entry |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        packed.write_bytes(gzip.compress(data, 1))
    (folder / "assets.json.gz").unlink()
    (folder / "assets.json").write_text(json.dumps(manifest))
    for server in serving(folder):
        page = open_page(url="about:blank", other_origins=(server.url,))
        said = heard(page)
        page.goto(server.url)
        answers(page)
        expect(page.get_by_role("alert")).to_have_count(0)
        plainly = [text for text in said if text.startswith(PLAINLY)]
        assert len(plainly) == (how != "missing")
        assert SPOILT[how] in "".join(plainly)
