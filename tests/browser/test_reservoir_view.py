"""Inside's reservoir: it hears each word of an answer, live and gone back to."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from .conftest import BOOT_MS, DESK, open_inside, say, wait_answer, wait_ready
from .test_look import Scheme, assert_accessible, shoot

PHONE = ViewportSize(width=390, height=844)
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
LAST = "echo-reservoir section .number"


def test_it_hears_the_answer_while_that_is_made(page: Page) -> None:
    open_inside(page, "Reservoir")
    expect(page.get_by_text("It has heard nothing yet")).to_be_visible()
    assert "view=reservoir" in page.url
    say(page, "What can I do here?")
    page.get_by_role("img", name="The activity of 128 of 256 units").wait_for(timeout=BOOT_MS)
    wait_answer(page)
    words = page.evaluate(
        """() => {
          const { talk } = document.querySelector("echo-app").session;
          return talk.messages[talk.leaf].words.length;
        }"""
    )
    expect(page.locator(LAST).first).to_have_text(str(words))
    expect(page.get_by_role("img", name="The state's way through the plane")).to_be_visible()
    expect(page.get_by_role("img", name="The 256 eigenvalues of W")).to_be_visible()
    circles = page.locator("echo-spectrum circle.inside")
    expect(circles).to_have_count(256)
    expect(page.locator("echo-spectrum circle.outside")).to_have_count(0)
    # The same word by word, and each answer begins at rest.
    slider = page.get_by_role("slider", name="Place in the talk")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("Before the first token it is at rest.")).to_be_visible()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(LAST).first).to_have_text("5")


def test_it_hears_a_talk_again_after_a_reload(page: Page) -> None:
    say(page, "What can I do here?")
    wait_answer(page)
    open_inside(page, "Reservoir")
    page.wait_for_timeout(1000)
    page.reload()
    wait_answer(page)
    wait_ready(page)
    expect(page.get_by_text("It has heard nothing since the page was opened")).to_be_visible()
    page.get_by_role("button", name="Hear the last answer again").click()
    page.get_by_role("img", name="The activity of 128 of 256 units").wait_for(timeout=BOOT_MS)
    slider = page.get_by_role("slider", name="Place in the talk")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator(LAST).first).to_have_text("9")
    # Opened in the middle of a replay it hears what it has missed.
    open_inside(page, "State")
    page.get_by_role("button", name="Back to now").click()
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    open_inside(page, "Reservoir")
    expect(page.locator(LAST).first).to_have_text("1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_well(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    open_inside(page, "Reservoir")
    assert_accessible(page)
    say(page, "Is my data private?")
    wait_answer(page)
    expect(page.get_by_role("img", name="The 256 eigenvalues of W")).to_be_visible()
    page.get_by_text("What am I looking at?").click()
    assert_accessible(page)
    shoot(page, f"reservoir-{scheme}")
    page.locator("echo-inside .panel").evaluate("panel => panel.scrollTo(0, 1e6)")
    shoot(page, f"reservoir-below-{scheme}")
    page.set_viewport_size(PHONE)
    assert not page.evaluate(WIDE)
    assert_accessible(page)
    shoot(page, f"phone-reservoir-{scheme}")
    page.set_viewport_size(DESK)
