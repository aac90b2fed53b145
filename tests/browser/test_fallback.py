"""What cannot be had is replaced by what can, and the page says why."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import (
    BOOT_MS,
    SITE,
    Open,
    figures,
    open_inside,
    say,
    serving,
    wait_answer,
    wait_ready,
)

RELAXED = "wheels/libecho-relaxed.so"


def test_without_the_core_numpy_answers(open_page: Open) -> None:
    page = open_page(block=("**/libecho*.so",))
    assert wait_ready(page) == "python_rwkv"
    say(page, "Is my data private?")
    assert wait_answer(page)
    line = figures(page)
    assert "python_rwkv · echo-1m-FP16.bin" in line
    reason = "could not be fetched from this site."
    assert f"Not rwkv_cpp: {RELAXED} {reason} wheels/libecho.so {reason}" in line
    open_inside(page, "Model")
    expect(page.locator("[data-failure=rwkv_cpp]")).to_contain_text("wheels/libecho-relaxed.so")


SPOILT = {
    "missing": "This site was built without wheels/libecho-relaxed.so.",
    "blocked": "wheels/libecho-relaxed.so could not be fetched from this site.",
    "damaged": "wheels/libecho-relaxed.so is damaged: its SHA-256 begins with",
    "no library": "libecho-relaxed.so cannot be loaded:",
}


@pytest.mark.parametrize("how", SPOILT)
def test_without_relaxed_simd_the_plain_core_answers(
    how: str, open_page: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    library = folder / RELAXED
    manifest = json.loads((folder / "assets.json").read_text())
    entry = next(file for file in manifest["files"] if file["path"] == RELAXED)
    if how == "missing":
        manifest["files"].remove(entry)
    elif how == "damaged":
        library.write_bytes(library.read_bytes()[:-1] + b"\x55")
    elif how == "no library":
        # A WebAssembly module, but an empty one.
        library.write_bytes(b"\0asm\1\0\0\0")
        digest = hashlib.sha256(library.read_bytes()).hexdigest()
        entry |= {"bytes": library.stat().st_size, "sha256": digest}
    for packed in (library, folder / "assets.json"):
        packed.with_name(f"{packed.name}.gz").unlink()
    (folder / "assets.json").write_text(json.dumps(manifest))
    for server in serving(folder):
        block = (f"**/{RELAXED}",) if how == "blocked" else ()
        page = open_page(url=server.url, block=block)
        assert wait_ready(page) == "rwkv_cpp"
        expect(page.locator("#status")).not_to_contain_text("missing")
        say(page, "Is my data private?")
        assert wait_answer(page)
        line = figures(page)
        assert "rwkv_cpp · echo-1m-FP16.bin" in line
        assert "Not rwkv_cpp with relaxed SIMD: " in line
        assert SPOILT[how] in line
        open_inside(page, "Model")
        expect(page.locator("[data-failure]")).to_contain_text(SPOILT[how])


def test_without_numpy_the_mock_answers_and_says_so(open_page: Open) -> None:
    page = open_page(block=("**/libecho*.so", "**/python/numpy/**"))
    assert wait_ready(page) == "mock"
    say(page, "Is my data private?")
    assert "[mock]" in wait_answer(page)
    line = figures(page)
    assert "mock, not a language model" in line
    assert "Not rwkv_cpp:" in line
    assert "Not python_rwkv:" in line
    assert "could not be fetched from this site." in line
    open_inside(page, "State")
    expect(page.get_by_text("The mock has no state")).to_be_visible()


REFUSED = "() => { throw new DOMException('The operation is insecure.', 'SecurityError'); }"


def test_where_storage_is_refused_the_page_works_and_says_so(open_page: Open) -> None:
    page = open_page(
        script=f"Object.defineProperty(self, 'indexedDB', {{ get: {REFUSED} }});",
        worker_script=f"StorageManager.prototype.getDirectory = async {REFUSED};",
    )
    assert wait_ready(page) == "rwkv_cpp"
    expect(page.get_by_text("This browser keeps nothing for this page")).to_be_visible()
    say(page, "Is my data private?")
    assert wait_answer(page)


LATE = "its file system gave no answer within 15 seconds; reload the page to try again"


def test_where_storage_never_answers_the_page_says_so_and_goes_on(open_page: Open) -> None:
    page = open_page(
        worker_script="StorageManager.prototype.getDirectory = () => new Promise(() => undefined);"
    )
    assert wait_ready(page) == "rwkv_cpp"
    notice = page.get_by_text(f"This browser keeps nothing for this page ({LATE})")
    expect(notice).to_be_visible(timeout=BOOT_MS)
    say(page, "Is my data private?")
    assert wait_answer(page)


def test_without_simd_the_page_names_browsers_that_have_it(open_page: Open) -> None:
    page = open_page(script="WebAssembly.validate = () => false;", block=("**/libecho*.so",))
    expect(page.get_by_text("This browser has no WebAssembly SIMD")).to_contain_text("Safari from")
    assert wait_ready(page) == "python_rwkv"
    say(page, "Is my data private?")
    assert wait_answer(page)
