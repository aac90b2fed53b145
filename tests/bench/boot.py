"""Opening the page: from navigation to the first word of an answer, with the snapshot and without.

Every opening is that of a browser just started, on the built site, with the bundled model. The
question is typed as soon as there is a box to type it into. ``plain`` is the same site without
its snapshot, so Python starts from nothing. Warm: the browser's HTTP cache holds all files from an
earlier visit, and no service worker is allowed. Offline copy: a later visit as it usually is, with
the files from the service worker. Cold: a fresh profile, over the loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

from tests.bench._measure import ROOT, keep

SITE = Path(os.environ.get("ECHO_SITE", ROOT / "build" / "site"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SNAPSHOT = "python/snapshot.bin"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LIMIT_S = 120

# Types the question once there is a box, and notes when the first word of the answer is there.
ASK = """(() => {
  const find = (root, selector) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const element of root.querySelectorAll("*")) {
      const inside = element.shadowRoot && find(element.shadowRoot, selector);
      if (inside) return inside;
    }
    return null;
  };
  let asked = null;
  const look = () => {
    if (asked === null) {
      const box = find(document, "echo-app textarea, textarea[aria-label='Your message']");
      if (box) {
        box.value = "Is my data private?";
        box.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
        box.dispatchEvent(
          new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }),
        );
        asked = performance.now();
      }
    } else if (find(document, "article[aria-label='Answer'] .answer")?.textContent.trim()) {
      const paint = performance.getEntriesByName("first-contentful-paint")[0];
      self.opened = {
        first_token: performance.now(),
        asked,
        first_paint: paint?.startTime ?? null,
      };
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();"""

Opening = dict[str, float]


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder by a process of its own; gives the address."""
    command = [sys.executable, "-m", "scripts.serve", str(folder), "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split(" is at ")[1].split()[0]
    finally:
        process.terminate()
        process.wait()


def without_snapshot(site: Path, folder: Path) -> Path:
    """Make the same site without its snapshot."""
    plain = folder / "plain"
    shutil.copytree(site, plain)
    for path in (plain / "python").glob("snapshot.bin*"):
        path.unlink()
    manifest = json.loads((plain / "assets.json").read_text())
    manifest["files"] = [file for file in manifest["files"] if file["path"] != SNAPSHOT]
    (plain / "assets.json.gz").unlink(missing_ok=True)
    (plain / "assets.json").write_text(json.dumps(manifest))
    return plain


class Visitor:
    """A browser profile that opens a site, again and again, each time in a fresh browser."""

    def __init__(self, playwright: Playwright, folder: Path, url: str, workers: bool) -> None:
        self._playwright, self._folder, self._url = playwright, folder, url
        self._workers = workers

    @contextlib.contextmanager
    def _browser(self) -> Iterator[BrowserContext]:
        context = self._playwright.chromium.launch_persistent_context(
            str(self._folder),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            headless=True,
            service_workers="allow" if self._workers else "block",
        )
        try:
            yield context
        finally:
            context.close()

    def open(self, *, rest_s: float = 0.0) -> Opening:
        """Open the page and wait for the first word; ``rest_s`` is stayed afterwards."""
        with self._browser() as context:
            context.add_init_script(ASK)
            page = context.pages[0]
            page.goto(self._url)
            opened = wait(page)
            page.wait_for_timeout(rest_s * 1000)
            if rest_s and self._workers:
                for _ in range(LIMIT_S):
                    if page.evaluate("navigator.serviceWorker.controller?.state === 'activated'"):
                        break
                    page.wait_for_timeout(1000)
            return opened


def wait(page: Page) -> Opening:
    """Wait for what `ASK` leaves behind; looking rarely takes little from the page."""
    for _ in range(LIMIT_S * 5):
        opened: Any = page.evaluate("self.opened ?? null")
        if opened:
            return {name: float(value) for name, value in opened.items() if value is not None}
        page.wait_for_timeout(200)
    raise TimeoutError(f"The page gave no answer within {LIMIT_S} s.")


def main() -> None:
    """Measure all ways in turn."""
    parser = argparse.ArgumentParser(prog="tests.bench.boot", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--show", action="store_true", help="only print, keep nothing")
    options = parser.parse_args()
    times: dict[str, list[Opening]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="echo-boot-") as scratch,
        contextlib.ExitStack() as stack,
        sync_playwright() as playwright,
    ):
        folder = Path(scratch)
        sites = {
            "snapshot": stack.enter_context(served(options.site)),
            "plain": stack.enter_context(served(without_snapshot(options.site, folder))),
        }
        visitors = {
            (way, workers): Visitor(playwright, folder / f"{way}-{workers}", url, workers)
            for way, url in sites.items()
            for workers in (False, True)
        }
        for visitor in visitors.values():
            # Two visits: browsers keep compiled code only of what they have met before.
            visitor.open(rest_s=4)
            visitor.open(rest_s=4)
        for round_ in range(options.rounds):
            for (way, workers), visitor in visitors.items():
                name = f"{way}_offline_copy" if workers else way
                times.setdefault(name, []).append(visitor.open())
            if round_ % 2 == 0:
                for way, url in sites.items():
                    fresh = Visitor(playwright, folder / f"cold-{way}-{round_}", url, False)
                    times.setdefault(f"{way}_cold", []).append(fresh.open())
    figures: dict[str, float] = {}
    print("milliseconds from navigation: median (least to most)")
    for name, openings in times.items():
        line = f"  {name:22}"
        for part in ("first_paint", "asked", "first_token"):
            found = sorted(opening[part] for opening in openings if part in opening)
            median = statistics.median(found)
            figures[f"{part}_{name}_ms"] = median
            line += f"  {part} {median:6.0f} ({found[0]:.0f} to {found[-1]:.0f})"
        print(line)
    figures["first_paint_ms"] = figures["first_paint_snapshot_ms"]
    for kind in ("", "_cold", "_offline_copy"):
        snapshot = figures[f"first_token_snapshot{kind}_ms"]
        ratio = figures[f"first_token_plain{kind}_ms"] / snapshot
        figures[f"first_token_snapshot_vs_plain{kind}"] = ratio
        print(f"  first_token_snapshot_vs_plain{kind}: {ratio:.2f}")
    if not options.show:
        keep({name: value for name, value in figures.items() if not name.startswith("asked")})


if __name__ == "__main__":
    main()
