"""Words as doors: what else was likely, branches that begin there, and the replay of a talk."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from .conftest import BOOT_MS, DESK, figures, open_inside, say, wait_answer, wait_ready
from .test_look import Scheme, assert_accessible, shoot
from .test_talk import set_number

PHONE = ViewportSize(width=390, height=844)
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def words_of(page: Page, number: int = 1) -> Locator:
    """The answer of this number as its words."""
    answer = page.get_by_role("article", name="Answer").nth(number - 1)
    button = answer.get_by_role("button", name="Words")
    if button.get_attribute("aria-pressed") == "false":
        button.click()
    return answer.locator("echo-words .word")


def place(page: Page) -> Locator:
    return page.get_by_role("slider", name="Place in the talk")


def test_a_word_tells_what_else_was_likely(page: Page) -> None:
    say(page, "What can I do here?")
    text = wait_answer(page)
    words = words_of(page)
    assert "".join(words.all_text_contents()).strip() == text.strip()
    words.nth(3).hover()
    panel = page.get_by_role("dialog", name="What else was likely")
    expect(panel.get_by_role("listitem")).to_have_count(4)
    shares = [
        float(re.search(r"([\d.]+) %", share)[1])  # type: ignore[index]
        for share in panel.get_by_role("listitem").all_inner_texts()
    ]
    assert shares == sorted(shares, reverse=True)
    page.mouse.move(5, 5)
    expect(panel).to_have_count(0)


def test_another_word_grows_a_branch_and_both_can_be_seen(page: Page) -> None:
    set_number(page, "Longest answer", "40")
    say(page, "What can I do here?")
    wait_answer(page)
    words = words_of(page)
    before = "".join(words.all_text_contents()[:6])
    words.nth(6).click()
    choice = page.get_by_role("dialog", name="What else was likely").get_by_role("button").nth(1)
    page.evaluate("performance.mark('chosen')")
    choice.click()
    expect(page.get_by_text("2 of 2")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)
    new = words_of(page)
    assert "".join(new.all_text_contents()).startswith(before)
    assert "rwkv_cpp" in figures(page)
    # A branch of the branch, and back to the first answer with all its words.
    new.nth(10).click()
    page.get_by_role("dialog", name="What else was likely").get_by_role("button").nth(0).click()
    expect(page.get_by_text("3 of 3")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)
    page.get_by_role("button", name="Previous branch").click()
    page.get_by_role("button", name="Previous branch").click()
    expect(page.get_by_text("1 of 3")).to_be_visible()
    assert "".join(words_of(page).all_text_contents()).startswith(before)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Reset all").click()
    page.keyboard.press("Escape")


def test_the_keyboard_goes_through_the_words(page: Page) -> None:
    say(page, "Hello")
    wait_answer(page)
    page.get_by_role("region", name="The talk").focus()
    page.keyboard.press("w")
    words = page.locator("echo-words .word")
    expect(words.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(words.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(words.last).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog", name="What else was likely")
    expect(panel.get_by_role("button").nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(panel.get_by_role("button").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(words.nth(0)).to_be_focused()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 of 2")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)


def test_a_stopped_answer_has_its_words_too(page: Page) -> None:
    set_number(page, "Longest answer", "12")
    say(page, "What can I do here?")
    text = wait_answer(page)
    assert "longest length" in figures(page)
    assert "".join(words_of(page).all_text_contents()).strip() == text.strip()
    # Going on with it makes one answer of both halves.
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)
    words_of(page)
    expect(page.locator("echo-words .word")).not_to_have_count(0)
    assert len("".join(words_of(page).all_text_contents())) > len(text)
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Reset all").click()
    page.keyboard.press("Escape")


def test_words_survive_a_reload_and_branch_then(page: Page) -> None:
    say(page, "What can I do here?")
    text = wait_answer(page)
    page.wait_for_timeout(1000)
    page.reload()
    assert wait_answer(page) == text
    wait_ready(page)
    words = words_of(page)
    before = "".join(words.all_text_contents()[:9])
    words.nth(9).click()
    page.get_by_role("dialog", name="What else was likely").get_by_role("button").nth(0).click()
    expect(page.get_by_text("2 of 2")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)
    assert "".join(words_of(page).all_text_contents()).startswith(before)


def test_the_replay_goes_through_the_talk_and_the_state_follows(page: Page) -> None:
    say(page, "What can I do here?")
    wait_answer(page)
    say(page, "Is my data private?")
    wait_answer(page, 2)
    open_inside(page, "State")
    tokens = page.locator("echo-state section p .number").first
    expect(tokens).not_to_be_empty()
    now = tokens.inner_text()
    place(page).focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("token 0 of")).to_be_visible()
    expect(tokens).not_to_have_text(now)
    first = int(tokens.inner_text().replace(",", ""))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(tokens).to_have_text(str(first + 3))
    expect(page.locator("echo-words .here")).to_have_count(1)
    expect(place(page)).to_have_attribute("aria-valuetext", re.compile("answer 1, token 3 of"))
    # Typing is never in the way, and a new answer is about now.
    page.get_by_label("Your message").fill("Hello")
    expect(page.get_by_label("Your message")).to_have_value("Hello")
    page.get_by_role("button", name="Back to now").click()
    expect(tokens).to_have_text(now)
    page.get_by_role("button", name="Replay token by token").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_text("token 3 of")).to_be_visible(timeout=10_000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Your message").focus()
    page.keyboard.press("Enter")
    wait_answer(page, 3)
    expect(page.get_by_text("now", exact=True)).to_be_visible()


def test_a_replay_after_a_reload_reads_the_talk_again(page: Page) -> None:
    say(page, "What can I do here?")
    wait_answer(page)
    page.wait_for_timeout(1000)
    page.reload()
    wait_answer(page)
    wait_ready(page)
    open_inside(page, "State")
    expect(page.get_by_text("Nothing has been read since the page was opened")).to_be_visible()
    place(page).focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator("echo-state section p .number").first).not_to_be_empty()


def test_nothing_moves_while_an_answer_streams(page: Page) -> None:
    say(page, "Hello")
    wait_answer(page)
    say(page, "What can I do here?")
    page.locator(".streaming").wait_for(timeout=BOOT_MS)
    parts = (page.get_by_label("Your message"), place(page))
    before = [part.bounding_box() for part in parts]
    wait_answer(page, 2)
    for part, box in zip(parts, before, strict=True):
        after = part.bounding_box()
        assert box is not None
        assert after is not None
        assert (after["x"], after["y"], after["height"]) == (box["x"], box["y"], box["height"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_well(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    say(page, "What can I do here?")
    wait_answer(page)
    words_of(page)
    page.wait_for_timeout(200)
    assert_accessible(page)
    words_of(page).nth(5).click()
    assert_accessible(page)
    shoot(page, f"words-{scheme}")
    page.keyboard.press("Escape")
    place(page).focus()
    page.keyboard.press("Home")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("token 12 of")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"replay-{scheme}")
    page.set_viewport_size(PHONE)
    assert not page.evaluate(WIDE)
    shoot(page, f"phone-replay-{scheme}")
    page.get_by_role("button", name="Back to now").click()
    words_of(page).nth(5).click()
    assert not page.evaluate(WIDE)
    assert_accessible(page)
    shoot(page, f"phone-words-{scheme}")
    page.set_viewport_size(DESK)
