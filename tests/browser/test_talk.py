"""The talk: stop, regenerate, edit, continue, and what survives a reload."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.random_models import random_model_bytes

from .conftest import BOOT_MS, figures, say, wait_answer, wait_ready
from .test_models import give_file


def set_number(page: Page, name: str, value: str) -> None:
    """Changes a setting by keyboard."""
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_label(f"{name}, as a number")
    field.fill(value)
    field.press("Tab")
    page.keyboard.press("Escape")


def talks_without_end(page: Page, tmp_path: Path) -> None:
    """Loads a random model and lets it go round in circles."""
    path = tmp_path / "endless.bin"
    path.write_bytes(random_model_bytes("7.0", n_embed=256, n_layer=6, seed=5))
    give_file(page, path)
    expect(page.locator("[data-part=model]")).to_have_text("endless.bin", timeout=BOOT_MS)
    set_number(page, "Temperature", "0")
    set_number(page, "Longest answer", "2048")


def test_escape_stops_and_the_state_stays_usable(page: Page, tmp_path: Path) -> None:
    talks_without_end(page, tmp_path)
    say(page, "Hello")
    page.locator(".streaming").wait_for(timeout=BOOT_MS)
    page.keyboard.press("Escape")
    expect(page.locator(".figures").first).to_contain_text("stopped", timeout=5000)
    said = figures(page)
    assert int(re.search(r"(\d[\d,]*) tokens? ·", said)[1].replace(",", "")) < 2048  # type: ignore[index]
    # The next answer comes, and the stopped one can be taken up again.
    before = wait_answer(page, 1)
    page.get_by_role("button", name="Continue").click()
    page.locator(".streaming").wait_for(timeout=BOOT_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=5000)
    assert len(wait_answer(page, 1)) > len(before)
    set_number(page, "Longest answer", "16")
    say(page, "And now?")
    wait_answer(page, 2)
    assert "longest length" in figures(page, 2)


def test_regenerate_and_edit_branch(page: Page) -> None:
    say(page, "Hello")
    wait_answer(page)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_text("2 of 2")).to_be_visible(timeout=BOOT_MS)
    wait_answer(page)
    page.get_by_role("button", name="Previous branch").click()
    expect(page.get_by_text("1 of 2")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    page.locator("echo-message textarea").fill("Good morning")
    page.get_by_role("button", name="Ask this instead").click()
    wait_answer(page)
    expect(page.locator(".said")).to_have_text("Good morning")
    expect(page.get_by_text("2 of 2")).to_be_visible()


def test_talks_and_settings_survive_a_reload(page: Page) -> None:
    set_number(page, "Temperature", "0.5")
    say(page, "Hello")
    answer = wait_answer(page)
    address = page.url
    page.wait_for_timeout(1000)
    assert "talk=" in address
    page.reload()
    assert wait_answer(page) == answer
    assert page.url == address
    wait_ready(page)
    # The model reads the talk again and goes on with it.
    say(page, "What is your name?")
    wait_answer(page, 2)
    assert "rwkv_cpp" in figures(page, 2)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Temperature, as a number")).to_have_value("0.5")
    page.get_by_role("button", name="Reset all").click()
    expect(page.get_by_label("Temperature, as a number")).to_have_value("0.8")


def test_talks_are_listed_renamed_and_deleted(page: Page) -> None:
    say(page, "The first question")
    chats = page.get_by_role("list", name="Chats")
    wait_answer(page)
    before = chats.get_by_role("listitem").count()
    page.keyboard.press("Control+k")
    say(page, "The second question")
    wait_answer(page)
    expect(chats.get_by_role("listitem")).to_have_count(before + 1)
    chats.get_by_role("listitem").filter(has_text="The first question").hover()
    chats.get_by_role("button", name="Rename The first question").click()
    page.get_by_label("Name of the chat").fill("Mine")
    page.keyboard.press("Enter")
    chats.get_by_role("button", name="Mine", exact=True).click()
    expect(page.locator(".said")).to_have_text("The first question")
    page.go_back()
    expect(page.locator(".said")).to_have_text("The second question")
    page.on("dialog", lambda dialog: dialog.accept())
    chats.get_by_role("listitem").filter(has_text="Mine").hover()
    chats.get_by_role("button", name="Delete Mine").click()
    expect(chats.get_by_role("listitem")).to_have_count(before)


def test_markdown_is_shown_and_can_do_no_harm(page: Page) -> None:
    html = page.evaluate(
        """async () => {
          await customElements.whenDefined("echo-message");
          const view = document.createElement("echo-message");
          const message = { id: "m", parent: null, role: "assistant", status: "done", text:
            "**bold** <img src=x onerror=alert(1)> [in](javascript:alert(1)) " +
            "[out](https://example.org/) ![picture](https://example.org/p.png)\\n\\n- one" };
          view.session = document.querySelector("echo-app").session;
          view.message = message;
          document.body.append(view);
          await view.updateComplete;
          const html = view.shadowRoot.querySelector(".answer").innerHTML;
          view.remove();
          return html;
        }"""
    )
    assert "<strong>bold</strong>" in html
    assert "<li>one</li>" in html
    assert "<img" not in html
    assert "&lt;img src=x" in html
    assert "javascript:" not in html
    assert 'rel="noopener noreferrer"' in html
