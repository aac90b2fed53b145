"""A real Chromium over the built site, and a second server that stands for the rest of the web."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    BrowserContext,
    Page,
    Playwright,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

from scripts.serve import Server

from .elsewhere import Elsewhere

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("ECHO_SITE", ROOT / "build" / "site"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BOOT_MS = 90_000
"""A busy machine with a cold cache takes its time."""

expect.set_options(timeout=30_000)

DESK = ViewportSize(width=1360, height=850)

Open = Callable[..., Page]


def serving(folder: Path) -> Iterator[Server]:
    """A server of a folder on a free port."""
    server = Server(("127.0.0.1", 0), folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def site() -> Iterator[Server]:
    yield from serving(SITE)


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.close()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


class Visits:
    """Browsers that have never seen the page, and all that they asked for."""

    def __init__(self, playwright: Playwright, address: str, folder: Path) -> None:
        self._playwright = playwright
        self._address = address
        self._folder = folder
        self._contexts: list[BrowserContext] = []
        self._asked: list[str] = []
        self._errors: list[str] = []
        self._allowed = ["data:", "blob:"]

    def open(
        self,
        *,
        url: str | None = None,
        block: tuple[str, ...] = (),
        other_origins: tuple[str, ...] = (),
        script: str = "",
        worker_script: str = "",
    ) -> Page:
        """Opens the page; requests that match ``block`` fail, ``other_origins`` may be asked.

        ``script`` runs in the page before its own code, to take away what a browser may lack, and
        ``worker_script`` in the engine's worker.
        """
        context = self._playwright.chromium.launch_persistent_context(
            str(self._folder / f"profile-{len(self._contexts)}"),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            headless=True,
            viewport=DESK,
        )
        self._contexts.append(context)
        start = url or self._address
        self._allowed += [start, *other_origins]
        context.on("request", lambda sent: self._asked.append(sent.url))
        for pattern in block:
            context.route(pattern, lambda route: route.abort())
        if script:
            context.add_init_script(script)
        if worker_script:
            context.route("**/assets/engine-*.js", lambda route: _begun_with(route, worker_script))
        page = context.pages[0]
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        page.on("console", lambda said: self._hear(said.text))
        page.goto(start)
        return page

    def _hear(self, said: str) -> None:
        """What the page's own policy forbids is an error, too."""
        if "Content Security Policy" in said:
            self._errors.append(said)

    def close(self) -> None:
        """Nothing may have gone to another origin, and the page may have thrown nothing."""
        for context in self._contexts:
            context.close()
        assert self._errors == []
        assert [url for url in self._asked if not url.startswith(tuple(self._allowed))] == []


def _begun_with(route: Route, script: str) -> None:
    """The program that is asked for, after a few lines of ours."""
    answer = route.fetch()
    route.fulfill(response=answer, body=f"{script}\n{answer.text()}")


@pytest.fixture
def open_page(playwright: Playwright, site: Server, tmp_path: Path) -> Iterator[Open]:
    """Opens the page as on a first visit."""
    visits = Visits(playwright, site.url, tmp_path)
    yield visits.open
    visits.close()


@pytest.fixture(scope="module")
def ready_page(
    playwright: Playwright,
    site: Server,
    elsewhere: Elsewhere,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Page]:
    """One page with its engine, for all tests of a module: starting Python is what takes long."""
    visits = Visits(playwright, site.url, tmp_path_factory.mktemp("visits"))
    page = visits.open(other_origins=(elsewhere.url,))
    wait_ready(page)
    yield page
    visits.close()


@pytest.fixture
def page(ready_page: Page) -> Page:
    """The module's page, at a new chat, Inside closed."""
    ready_page.set_viewport_size(DESK)
    ready_page.keyboard.press("Escape")
    ready_page.keyboard.press("Control+k")
    if ready_page.locator("echo-inside").count():
        ready_page.get_by_role("button", name="Close Inside").click()
    return ready_page


def wait_ready(page: Page) -> str:
    """Waits until the engine is there; the backend on the status line."""
    backend = page.locator("[data-part=backend]")
    backend.wait_for(timeout=BOOT_MS)
    return backend.inner_text()


def say(page: Page, text: str) -> None:
    """Sends a message from the keyboard."""
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def wait_answer(page: Page, number: int = 1) -> str:
    """Waits for the figures below the answer of this number; its text."""
    answer = page.get_by_role("article", name="Answer").nth(number - 1)
    answer.locator(".figures").wait_for(timeout=BOOT_MS)
    return answer.locator(".answer").inner_text()


def figures(page: Page, number: int = 1) -> str:
    """The small type below an answer."""
    return (
        page.get_by_role("article", name="Answer").nth(number - 1).locator(".figures").inner_text()
    )


def open_inside(page: Page, view: str) -> None:
    """Opens the right column at a view."""
    if page.locator("echo-inside").count() == 0:
        page.get_by_role("button", name="Inside", exact=True).click()
    page.get_by_role("tab", name=view).click()
