"""What it looks like, to eyes, to axe and to the keyboard. Screenshots are test artefacts."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from .conftest import BOOT_MS, ROOT, open_inside, say, wait_answer, wait_ready

Scheme = Literal["light", "dark"]
SHOTS = ROOT / "build" / "test-artifacts" / "screenshots"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE = ViewportSize(width=360, height=740)


def shoot(page: Page, name: str) -> None:
    """Keeps a picture of the page."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def assert_accessible(page: Page) -> None:
    """No finding of axe, whatever its weight."""
    # Colours that are on their way to others have no contrast of their own.
    page.wait_for_timeout(300)
    # The page's policy forbids foreign scripts; the test's own comes past it.
    if not page.evaluate("'axe' in self"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert [
        (finding["id"], [node["target"] for node in finding["nodes"]])
        for finding in result["violations"]
    ] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_desk(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    assert_accessible(page)
    shoot(page, f"empty-{scheme}")
    say(page, "What can I do here?")
    wait_answer(page)
    say(page, "How do I load another model?")
    wait_answer(page, 2)
    assert_accessible(page)
    shoot(page, f"talk-{scheme}")
    open_inside(page, "State")
    say(page, "Is my data private?")
    wait_answer(page, 3)
    expect(page.get_by_role("img", name="Norm")).not_to_have_count(0)
    assert_accessible(page)
    shoot(page, f"state-{scheme}")
    page.locator("echo-inside .panel").evaluate("panel => panel.scrollTo(0, 1e6)")
    shoot(page, f"state-below-{scheme}")
    open_inside(page, "Model")
    assert_accessible(page)
    shoot(page, f"model-{scheme}")
    page.get_by_role("button", name="Settings").click()
    assert_accessible(page)
    shoot(page, f"settings-{scheme}")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Every request this page has made").click()
    page.wait_for_timeout(500)
    assert_accessible(page)
    shoot(page, f"requests-{scheme}")
    page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(PHONE)
    shoot(page, f"phone-empty-{scheme}")
    say(page, "What can I do here?")
    wait_answer(page)
    assert_accessible(page)
    shoot(page, f"phone-talk-{scheme}")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.get_by_role("button", name="Chats").click()
    assert_accessible(page)
    shoot(page, f"phone-chats-{scheme}")
    page.get_by_role("button", name="What can I do here?", exact=True).first.click()
    page.get_by_role("button", name="Inside", exact=True).click()
    expect(page.get_by_role("application", name="State of all heads")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"phone-state-{scheme}")
    page.get_by_role("tab", name="Model").click()
    assert_accessible(page)
    shoot(page, f"phone-model-{scheme}")
    page.get_by_role("button", name="Close Inside").click()
    assert not page.evaluate(wide)


def focused(page: Page) -> str:
    """The name of what has the focus, through all shadow roots."""
    name: str = page.evaluate(
        """() => {
          let element = document.activeElement;
          while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
          return (element?.getAttribute("aria-label") || element?.innerText || element?.tagName)
            .trim();
        }"""
    )
    return name


def tab_to(page: Page, name: str, most: int = 40) -> None:
    """Presses Tab until this has the focus."""
    for _ in range(most):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{name} is not within {most} tabs")


def test_everything_by_keyboard(page: Page) -> None:
    page.keyboard.press("Control+k")
    assert focused(page) == "Your message"
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    wait_answer(page)
    tab_to(page, "Settings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Settings")).to_be_hidden()
    tab_to(page, "Inside")
    page.keyboard.press("Enter")
    tab_to(page, "State", 80)
    tab_to(page, "State of all heads; the arrow keys choose one", 80)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Layer 2, head 1")).to_be_visible()
    tab_to(page, "State", 80)
    page.keyboard.press("ArrowLeft")  # round to the last one
    expect(page.get_by_role("tab", name="Model")).to_be_focused()
    page.keyboard.press("/")
    assert focused(page) == "Search the chats"
    page.keyboard.press("Control+k")
    expect(page.get_by_role("heading", name="A language model lives in this page")).to_be_visible()
    tab_to(page, "Is my data private?")
    page.keyboard.press("Enter")
    wait_answer(page)


def test_the_list_of_chats_is_one_stop_of_the_tab_key(page: Page) -> None:
    for text in ("One of three", "Two of three", "Three of three"):
        page.keyboard.press("Control+k")
        say(page, text)
        wait_answer(page)
    page.keyboard.press("Control+k")
    tab_to(page, "Search the chats")
    page.keyboard.press("Tab")
    assert focused(page) == "Three of three"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "One of three"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Rename One of three"
    page.keyboard.press("Tab")
    assert focused(page) == "Export all"
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "Three of three"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Two of three", exact=True)).to_have_attribute(
        "aria-current", "true"
    )


def test_a_dead_engine_can_be_restarted(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    say(page, "Hello")
    wait_answer(page)
    page.evaluate("document.querySelector('echo-app').session.died('a test has ended it')")
    expect(page.get_by_role("alert")).to_contain_text("Your chats are kept")
    assert_accessible(page)
    shoot(page, "broken-light")
    page.get_by_role("button", name="Restart the engine").click()
    wait_ready(page)
    say(page, "Hello again")
    wait_answer(page, 2)
    expect(page.locator("#status")).to_contain_text("rwkv_cpp", timeout=BOOT_MS)
