"""A real Chromium over the built site, and a second server that stands for the rest of the web."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

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


@pytest.fixture
def open_page(
    playwright: Playwright, site: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Opens the page in a browser that has never seen it.

    At the end of the test nothing may have gone to another origin than those in ``allowed``, and
    the page may have thrown nothing.
    """
    contexts: list[BrowserContext] = []
    addresses: list[str] = []
    errors: list[str] = []
    allowed: list[str] = []

    def open_page(
        *,
        url: str | None = None,
        block: tuple[str, ...] = (),
        other_origins: tuple[str, ...] = (),
        prepare: Callable[[BrowserContext], object] | None = None,
        **options: object,
    ) -> Page:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / f"profile-{len(contexts)}"),
            executable_path=CHROMIUM,
            args=list(FLAGS),
            headless=True,
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        start = url or site.url
        allowed.extend((start, *other_origins))
        context.on("request", lambda sent: addresses.append(sent.url))
        for pattern in block:
            context.route(pattern, lambda route: route.abort())
        if prepare:
            prepare(context)
        page = context.pages[0]
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(start)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    left = [url for url in addresses if not url.startswith((*allowed, "data:", "blob:"))]
    assert left == []


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
