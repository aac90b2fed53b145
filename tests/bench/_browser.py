"""Chromium as a contestant: what its renderers compute and hold, and calls into a page."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from playwright.sync_api import Page, Playwright, sync_playwright

from scripts.serve import Server
from tests.bench._measure import ROOT, Turn
from tests.browser.conftest import CHROMIUM, FLAGS

__all__ = [
    "Chromium",
    "Page",
    "Playwright",
    "bench_site",
    "ours_in_browser",
    "serving",
    "sync_playwright",
]

EXTERNAL = ROOT / "build" / "external"
PEERS = ROOT / "build" / "bench"
HERE = Path(__file__).parent
WLLAMAS = ("3.8.1", "2.4.0")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server of a folder, isolated from other origins as the page's own; its address."""
    with Server(("127.0.0.1", 0), folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def bench_site(*models: Path) -> Path:
    """The folder of the benchmarks' pages: hard links to what the build and the fetcher made."""
    site = PEERS / "site" / Path(sys.argv[0]).stem
    shutil.rmtree(site, ignore_errors=True)
    for path in (HERE / "web").glob("*.[hjp]*"):
        _link(path, site / path.name)
    for path in (PEERS / "wasm").glob("*.wasm"):
        _link(path, site / path.name)
    for path in (EXTERNAL / "pyodide").iterdir():
        _link(path, site / "pyodide" / path.name)
    wheel = max((ROOT / "build" / "wheel").glob("*_wasm32.whl"), key=lambda p: p.stat().st_mtime)
    _link(wheel, site / "deep_tree_echo.whl")
    _link(next((EXTERNAL / "numpy").glob("*.whl")), site / "numpy.whl")
    for version in WLLAMAS:
        folder = EXTERNAL / "wllama" / version / "esm"
        for path in folder.rglob("*"):
            if path.suffix in (".js", ".wasm"):
                _link(path, site / f"wllama-{version}" / path.relative_to(folder))
    for path in models:
        _link(path, site / "models" / path.name)
    return site


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class Chromium:
    """A browser of its own with one page, so that its processes are this contestant's alone.

    Parameters
    ----------
    playwright : Playwright
        Starts it.
    url : str
        The page.
    profile : Path, optional
        Where it keeps its storage; an empty one that goes at the end if not given.
    """

    def __init__(self, playwright: Playwright, url: str, profile: Path | None = None) -> None:
        self._kept = profile is not None
        self._profile = profile or Path(tempfile.mkdtemp(prefix="bench-", dir=PEERS))
        self._context = playwright.chromium.launch_persistent_context(
            str(self._profile),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            headless=True,
            viewport={"width": 1360, "height": 850},
        )
        self.page = self._context.pages[0]
        self.page.on("pageerror", lambda error: print(f"  page: {error}", flush=True))
        self.page.goto(url)

    def call(self, name: str, *arguments: Any) -> Any:
        """Calls ``bench[name](...)`` of the page and waits for its end."""
        return self.page.evaluate("([name, args]) => bench[name](...args)", [name, list(arguments)])

    def turn(self, tokens: int, name: str, *arguments: Any) -> Turn:
        """A call as a `Turn`; the page returns the milliseconds, the kernel counts the work."""
        before = self.cpu_ms()
        wall = float(self.call(name, *arguments))
        return Turn(tokens, wall, self.cpu_ms() - before)

    def cpu_ms(self) -> float:
        """Processor time of all threads of all renderers until now."""
        total = 0
        for pid in renderers(self._profile):
            for task in _listed(f"/proc/{pid}/task"):
                text = _text(f"/proc/{pid}/task/{task}/schedstat")
                total += int(text.split()[0]) if text else 0
        return total / 1e6

    def memory_mb(self, what: str = "VmRSS") -> float:
        """``VmRSS`` (now) or ``VmHWM`` (the most) of the largest renderer, millions of bytes."""
        return largest_renderer_mb(self._profile, what)

    def forget_peak(self) -> None:
        """Lets ``VmHWM`` begin anew from what is resident now."""
        for pid in renderers(self._profile):
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.close()
        if not self._kept:
            shutil.rmtree(self._profile, ignore_errors=True)


def ours_in_browser(
    playwright: Playwright, url: str, model: Path, head: str | None = None
) -> Chromium:
    """libecho inside Pyodide with a model from the private file system."""
    page = Chromium(playwright, f"{url}ours.html")
    page.call("boot")
    page.call("store", model.name)
    page.call("load", model.name, head)
    return page


def renderers(profile: Path) -> list[int]:
    """The renderer processes of the browser of this profile."""
    parents: dict[int, list[int]] = {}
    root = 0
    for pid in map(int, filter(str.isdigit, _listed("/proc"))):
        stat = _text(f"/proc/{pid}/stat")
        if not stat:
            continue
        parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(pid)
        words = _text(f"/proc/{pid}/cmdline").split("\0")
        if f"--user-data-dir={profile}" in words and not _is_child(words):
            root = pid
    found, below = [], [root]
    while below:
        for pid in parents.get(below.pop(), []):
            below.append(pid)
            if "--type=renderer" in _text(f"/proc/{pid}/cmdline"):
                found.append(pid)
    return found


def largest_renderer_mb(profile: Path, what: str) -> float:
    """A figure of ``/proc/PID/status``, such as ``VmRSS``, of the largest renderer; MB."""
    found = [0.0]
    for pid in renderers(profile):
        if match := re.search(rf"{what}:\s+(\d+)", _text(f"/proc/{pid}/status")):
            found.append(int(match[1]) * 1024 / 1e6)
    return max(found)


def _is_child(words: list[str]) -> bool:
    return any(word.startswith("--type=") for word in words)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: str) -> str:
    """A file of /proc; empty where its process has ended."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
