"""What a model takes in the page: the most that its renderer holds, and what loading adds to it.

A first visit downloads the model into the private file system. Later ones start the browser
afresh, take the kept model and answer; ``VmHWM`` of the renderer is then the most it ever held,
the browser's own code and everything of Pyodide's start included. Nothing else looks into this
browser: see `_visitor`. The heap itself is looked at in
a bench page, where it can be read: its length after the load against what is in use then.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench._browser import (
    PEERS,
    Chromium,
    Playwright,
    bench_site,
    serving,
    sync_playwright,
)
from tests.bench._measure import ROOT, keep
from tests.bench._models import MEDIUM, SMALL, Pair, models
from tests.bench._visitor import Visitor

SETTLE_SECONDS = 3
VISITS = 3
"""The most varies by the memory in which V8 compiles Python's interpreter anew: 24 MB."""


def page_site(*files: Path) -> Path:
    """The built site with some models beside it: hard links."""
    site = PEERS / "site" / "page"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(ROOT / "build" / "site", site)
    for file in files:
        (site / file.name).hardlink_to(file)
    return site


def loaded(name: str) -> str:
    """Whether the status line names the model."""
    return f"part('model').includes({name!r})"


def visits(url: str, name: str) -> dict[str, float]:
    """The first visit, and the median of some later ones; millions of bytes."""
    profile = Path(tempfile.mkdtemp(prefix="bench-", dir=PEERS))
    try:
        with Visitor(url, profile) as page:
            page.wait("part('backend')")
            page.click("Inside")
            page.click("Model")
            page.fill("input", "Address of a model file", f"{url}{name}")
            page.click("Fetch")
            page.wait(loaded(name))
            first = page.memory_mb("VmHWM")
        later = [visit(url, name, profile) for _ in range(VISITS)]
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    found = {key: statistics.median(each[key] for each in later) for key in later[0]}
    peaks = [each["peak"] for each in later]
    found |= {"first_visit": first, "peak_least": min(peaks), "peak_most": max(peaks)}
    return found


def visit(url: str, name: str, profile: Path) -> dict[str, float]:
    """A later visit, in a browser of its own."""
    with Visitor(url, profile) as page:
        page.wait("part('backend')")
        page.click("Inside")
        page.click("Model")
        page.wait(f"named('button', {name!r})")
        found = {"start": page.memory_mb("VmHWM")}
        page.click(name)
        # Some files are asked about before they are loaded: whether to round their heads.
        page.wait(f"(named('button', 'Load')?.click(), {loaded(name)})")
        found["loaded"] = page.memory_mb("VmHWM")
        page.fill("textarea", "Your message", "Hello")
        page.click("Send")
        page.wait("part('speed')")
        time.sleep(SETTLE_SECONDS)
        found["answering"] = page.memory_mb()
        # A fast machine has said all that it may by now.
        page.wait("(named('button', 'Stop')?.click(), true)")
        time.sleep(SETTLE_SECONDS)
        found["settled"] = page.memory_mb()
        found["peak"] = page.memory_mb("VmHWM")
        return found


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
    with serving(page_site(*files)) as url:
        for name, pair in cases.items():
            found = visits(url, pair.bin.name)
            print(f"  {name} " + "  ".join(f"{k} {v:.0f} MB" for k, v in found.items()))
            figures |= {f"memory_{name}_{key}_mb": value for key, value in found.items()}
            figures[f"peak_memory_{name}_mb"] = found["peak"]
            ratio = found["loaded"] / found["settled"]
            figures[f"load_{name}_peak_vs_final_rss"] = ratio
    with sync_playwright() as playwright, serving(bench_site(*files)) as url:
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
