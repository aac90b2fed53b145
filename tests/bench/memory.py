"""What a model takes in the page: the most that its renderer holds, and what loading adds to it.

A first visit downloads the model into the private file system. A second one starts the browser
afresh, takes the kept model and answers; ``VmHWM`` of the renderer is then the most it ever held,
the browser's own code and everything of Pyodide's start included. The heap itself is looked at in
a bench page, where it can be read: its length after the load against what is in use then.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from tests.bench._browser import (
    PEERS,
    Chromium,
    Page,
    Playwright,
    bench_site,
    serving,
    sync_playwright,
)
from tests.bench._measure import ROOT, keep
from tests.bench._models import MEDIUM, SMALL, Pair, models
from tests.browser.conftest import BOOT_MS, open_inside, say, wait_ready

LOAD_MS = 180_000
SETTLE_MS = 3000


def page_site(*files: Path) -> Path:
    """The built site with some models beside it: hard links."""
    site = PEERS / "site" / "page"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "build" / "site", site)
    for file in files:
        (site / file.name).hardlink_to(file)
    return site


def wait_model(page: Page, name: str) -> None:
    """Waits until the status line names the model."""
    page.locator("[data-part=model]", has_text=name).wait_for(timeout=LOAD_MS)


def visit(playwright: Playwright, url: str, name: str) -> dict[str, float]:
    """The two visits; millions of bytes."""
    profile = Path(tempfile.mkdtemp(prefix="bench-", dir=PEERS))
    try:
        with Chromium(playwright, url, profile) as browser:
            wait_ready(browser.page)
            open_inside(browser.page, "Model")
            browser.page.get_by_label("Address of a model file").fill(f"{url}{name}")
            browser.page.get_by_role("button", name="Fetch").click()
            wait_model(browser.page, name)
        with Chromium(playwright, url, profile) as browser:
            page = browser.page
            wait_ready(page)
            open_inside(page, "Model")
            kept = page.locator("echo-model").get_by_role("button", name=name).first
            kept.wait_for(timeout=BOOT_MS)
            found = {"start": browser.memory_mb("VmHWM")}
            kept.click()
            # Whether the head is one that can be rounded is known only at the file's end.
            page.locator("echo-head-choice").get_by_role("button", name="Load").click()
            wait_model(page, name)
            found["loaded"] = browser.memory_mb("VmHWM")
            say(page, "Hello")
            page.locator("[data-part=speed]").wait_for(timeout=LOAD_MS)
            page.wait_for_timeout(SETTLE_MS)
            found["answering"] = browser.memory_mb()
            found["peak"] = browser.memory_mb("VmHWM")
            page.keyboard.press("Escape")
            page.wait_for_timeout(SETTLE_MS)
            found["settled"] = browser.memory_mb()
            return found
    finally:
        shutil.rmtree(profile, ignore_errors=True)


def heap(playwright: Playwright, url: str, pair: Pair) -> dict[str, float]:
    """The length of the heap before and after a load through the page's own Python, and its use."""
    with Chromium(playwright, f"{url}ours.html") as browser:
        before = browser.call("boot")
        browser.call("store", pair.bin.name)
        loaded = json.loads(browser.call("loadByDoor", pair.bin.name))
        after = browser.call("heap")
        facts = loaded["description"]
        model = sum(facts.get(f"{part}_bytes", 0) for part in ("weight", "work", "state"))
        return {"before": before, "after": after, "model": model}


def main() -> None:
    cases = {"0.1B_q8": models(SMALL, "Q8_0"), "0.4B_q4": models(MEDIUM, "Q4_0")}
    files = [pair.bin for pair in cases.values()]
    figures: dict[str, float] = {}
    with sync_playwright() as playwright:
        with serving(page_site(*files)) as url:
            for name, pair in cases.items():
                found = visit(playwright, url, pair.bin.name)
                print(f"  {name} " + "  ".join(f"{k} {v:.0f} MB" for k, v in found.items()))
                figures |= {f"memory_{name}_{key}_mb": value for key, value in found.items()}
                figures[f"peak_memory_{name}_mb"] = found["peak"]
                ratio = found["loaded"] / found["settled"]
                figures[f"load_{name}_peak_vs_final_rss"] = ratio
        with serving(bench_site(*files)) as url:
            for name, pair in cases.items():
                found = heap(playwright, url, pair)
                figures |= {f"memory_{name}_heap_{key}_bytes": found[key] for key in found}
                ratio = found["after"] / (found["before"] + found["model"])
                sizes = "  ".join(f"{key} {value / 1e6:.0f} MB" for key, value in found.items())
                print(f"  {name} heap {sizes}: {ratio:.2f}")
                figures[f"load_{name}_peak_vs_final"] = ratio
    keep(figures)


if __name__ == "__main__":
    main()
