"""After the first visit the page needs no network, and a reload picks up a new build whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import BOOT_MS, SITE, Open, say, serving, wait_answer, wait_ready

KEPT = "navigator.serviceWorker.controller?.state === 'activated'"


def wait_kept(page: Page) -> None:
    """Waits until the offline copy is whole and in charge."""
    end = time.monotonic() + BOOT_MS / 1000
    # The page's policy forbids `wait_for_function`, which evaluates text.
    while not page.evaluate(KEPT):
        assert time.monotonic() < end, "the offline copy was not made"
        page.wait_for_timeout(250)


def test_reload_works_offline(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    wait_kept(page)
    page.context.set_offline(True)
    page.reload()
    assert wait_ready(page) == "rwkv_cpp"
    say(page, "Do you work offline?")
    assert wait_answer(page)


@pytest.mark.parametrize("way", ["the button", "a later visit"])
def test_a_reload_picks_up_a_new_build(way: str, open_page: Open, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    for server in serving(folder):
        page = open_page(url=server.url)
        wait_ready(page)
        wait_kept(page)
        index = folder / "index.html"
        index.with_suffix(".html.gz").unlink(missing_ok=True)
        index.write_text(index.read_text().replace("<title>", "<title>New: "))
        manifest = folder / "assets.json"
        manifest.with_suffix(".json.gz").unlink(missing_ok=True)
        listed = json.loads(manifest.read_text())
        for file in listed["files"]:
            if file["path"] == "index.html":
                data = index.read_bytes()
                file |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        manifest.write_text(json.dumps(listed))
        # This visit still shows the old build and fetches the new one in the background.
        page.reload()
        expect(page).to_have_title("Deep Tree Echo")
        button = page.get_by_role("button", name="New version: reload")
        button.wait_for(timeout=BOOT_MS)
        if way == "the button":
            button.click()
        else:
            page.reload()
        expect(page).to_have_title("New: Deep Tree Echo", timeout=BOOT_MS)
        assert wait_ready(page) == "rwkv_cpp"
        kept = page.evaluate("caches.keys()")
        assert len([name for name in kept if name.startswith("deep-tree-echo-")]) == 1
