"""Rough use: long texts, wrong moments, other tabs, the way back, storage that fails."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from scripts.serve import Server
from tests.gguf_files import random_gguf
from tests.random_models import random_model_bytes

from .conftest import BOOT_MS, Open, figures, say, wait_answer, wait_ready
from .test_models import BUNDLED, bundled, expect_refused, give_file

__all__ = ["bundled"]

SESSION = "document.querySelector('echo-app').session"
TALKS = f"{SESSION}.talks.length"
KEPT = f"{SESSION}.engine.store('talks', {{}})"


def while_it_answers(page: Page, work: str) -> None:
    """Does something in the middle of the next answer, which may last only for a moment."""
    page.evaluate(
        f"""() => {{
          const session = {SESSION};
          session.addEventListener("change", function watch() {{
            if (!session.answering?.text) return;
            session.removeEventListener("change", watch);
            {work}
          }});
        }}"""
    )


def delete_chat(page: Page, title: str) -> None:
    page.once("dialog", lambda dialog: dialog.accept())
    chats = page.get_by_role("list", name="Chats")
    chats.get_by_role("listitem").filter(has_text=title).first.hover()
    page.get_by_role("button", name=f"Delete {title}").click()


def test_a_very_long_message_can_be_stopped(page: Page) -> None:
    page.get_by_label("Your message").fill("All work and no play. " * 9500)
    page.keyboard.press("Enter")
    expect(page.get_by_role("progressbar", name="Reading the talk")).to_be_visible(timeout=BOOT_MS)
    page.keyboard.press("Escape")
    wait_answer_ends(page)
    assert "stopped" in figures(page)
    # It is still there and does no harm to what follows.
    page.keyboard.press("Control+k")
    say(page, "Hello")
    wait_answer(page)


def wait_answer_ends(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=BOOT_MS)


def test_escape_at_every_moment(page: Page) -> None:
    page.keyboard.press("Escape")
    for wait in (0, 5, 20, 60, 150, 400):
        page.keyboard.press("Control+k")
        say(page, f"Tell me about moment {wait}")
        page.wait_for_timeout(wait)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        wait_answer_ends(page)
        article = page.get_by_role("article", name="Answer")
        expect(article.get_by_role("button", name="Regenerate")).to_be_enabled()
        page.keyboard.press("Escape")
    say(page, "Hello")
    wait_answer(page, 2)


def test_a_chat_deleted_while_it_answers_stays_deleted(page: Page) -> None:
    before = page.evaluate(TALKS)
    # From then on, every piece of the answer is due to be kept.
    late = "const now = performance.now(); performance.now = () => now + 60_000;"
    while_it_answers(page, f"{late} session.deleteTalk(session.talk);")
    say(page, "Deleted in the middle of its answer")
    expect(page.get_by_role("article", name="Answer")).to_have_count(0)
    wait_answer_ends(page)
    assert page.evaluate(TALKS) == before
    page.wait_for_timeout(300)
    assert len(page.evaluate(KEPT)) == before
    say(page, "Hello")
    wait_answer(page)


def test_the_way_back_leads_past_a_deleted_chat(page: Page) -> None:
    say(page, "Stays")
    wait_answer(page)
    stays = page.evaluate("location.hash")
    page.keyboard.press("Control+k")
    say(page, "Goes")
    wait_answer(page)
    page.keyboard.press("Control+k")
    goes = page.evaluate("history.length")
    delete_chat(page, "Goes")
    page.go_back()
    page.go_back()
    page.wait_for_timeout(100)
    page.go_back()
    page.wait_for_function(f"() => location.hash === {stays!r}")
    expect(page.get_by_role("article", name="Answer")).to_be_visible()
    assert page.evaluate("history.length") == goes


def test_a_reload_in_the_middle_keeps_what_was_said(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    while_it_answers(page, "location.reload();")
    with page.expect_navigation():
        say(page, "Is my data private?")
    expect(page.locator(".said")).to_have_text("Is my data private?")
    wait_ready(page)
    answer = page.get_by_role("article", name="Answer")
    answer.get_by_role("button", name="Regenerate").click()
    wait_answer(page)


def test_two_tabs_do_not_disturb_each_other(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, "In the first tab")
    wait_answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    wait_ready(other)
    expect(other.get_by_text("Your chats are open in another tab")).to_be_visible()
    say(other, "In the second tab")
    wait_answer(other)
    page.bring_to_front()
    say(page, "Again in the first")
    wait_answer(page, 2)
    other.bring_to_front()
    other.get_by_role("button", name="Use here").click()
    chats = other.get_by_role("list", name="Chats").get_by_role("listitem")
    expect(chats).to_have_count(2)
    expect(other.get_by_text("Your chats are open in another tab")).to_be_hidden()
    # The first one keeps what it shows, and goes on by itself.
    page.bring_to_front()
    expect(page.get_by_text("Your chats went to another tab")).to_be_visible()
    say(page, "And without them")
    wait_answer(page, 3)
    other.close()
    expect(page.get_by_text("Your chats went to another tab")).to_be_hidden()
    expect(page.get_by_role("list", name="Chats").get_by_role("listitem")).to_have_count(2)
    page.reload()
    expect(page.get_by_role("list", name="Chats").get_by_role("listitem")).to_have_count(2)
    expect(page.locator(".said")).to_have_count(3)
    wait_ready(page)


def test_data_cleared_while_the_page_is_open(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    session = page.context.new_cdp_session(page)
    origin = page.evaluate("location.origin")
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    say(page, "Is my data private?")
    assert wait_answer(page)
    say(page, "And now?")
    assert wait_answer(page, 2)


def test_storage_that_is_full_is_said_and_the_chat_goes_on(open_page: Open) -> None:
    page = open_page(
        worker_script="const { write } = FileSystemSyncAccessHandle.prototype; let written = 0;"
        "FileSystemSyncAccessHandle.prototype.write = function (...values) {"
        " if ((written += 1) < 200) return write.apply(this, values);"
        " throw new DOMException('The quota has been exceeded.', 'QuotaExceededError'); };"
    )
    wait_ready(page)
    say(page, "Is my data private?")
    assert wait_answer(page)
    say(page, "And now?")
    assert wait_answer(page, 2)
    say(page, "Still there?")
    assert wait_answer(page, 3)
    expect(page.get_by_text("This browser keeps nothing for this page")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", b"Milk, bread, and a model that runs in the page.\n" * 400),
        ("page.gguf", b"<!doctype html><title>Not found</title>" + bytes(4000)),
        ("model.bin", b"GGUF"),
        ("a name with spaces & <b>.bin", b"\0" * 5000),
    ],
)
def test_other_files_are_no_models(page: Page, tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    give_file(page, path)
    expect_refused(page)


def test_a_gguf_file_by_another_name(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "renamed.bin"
    path.write_bytes(random_gguf("7.0", n_vocab=257, n_embed=64, n_layer=2, type="Q8_0"))
    give_file(page, path)
    expect(page.locator("[data-part=model]")).to_have_text("renamed.bin", timeout=BOOT_MS)
    expect(page.locator("echo-model")).to_contain_text("RWKV 7.0")


def test_a_message_sent_while_a_model_loads(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "next.bin"
    path.write_bytes(random_model_bytes("7.0", n_embed=512, n_layer=5, seed=4, type="FP16"))
    page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, max_tokens: 2000 }})")
    give_file(page, path)
    say(page, "Is my data private?")
    expect(page.locator("[data-part=model]")).to_have_text("next.bin", timeout=BOOT_MS)
    wait_answer_ends(page)
    answer = page.get_by_role("article", name="Answer")
    expect(answer).not_to_contain_text("without a word")
    if answer.locator(".problem").count():
        expect(answer).to_contain_text("Another model was loaded meanwhile; regenerate")
    answer.get_by_role("button", name="Regenerate").click()
    wait_answer(page)
    assert "next.bin" in figures(page)


def test_an_answer_that_another_model_cuts_says_so(page: Page) -> None:
    # The first load waits for files that come late, and those for answers.
    page.evaluate(f"{SESSION}.models.load({{ kind: 'bundled' }})")
    say(page, "All work and no play. " * 4000)
    expect(page.get_by_role("progressbar", name="Reading the talk")).to_be_visible(timeout=BOOT_MS)
    page.evaluate(f"void {SESSION}.engine.loadModel({{ kind: 'bundled' }}, true, null)")
    answer = page.get_by_role("article", name="Answer")
    expect(answer.locator(".problem")).to_have_text(
        "Another model was loaded meanwhile; regenerate this answer.", timeout=BOOT_MS
    )
    expect(answer.get_by_role("button", name="Regenerate")).to_be_enabled()


def test_a_file_dropped_while_the_page_opens(open_page: Open, site: Server) -> None:
    page = open_page(url="about:blank", other_origins=(site.url,))
    held: list[Route] = []
    page.context.route("**/models/*", lambda route: held.append(route))
    page.goto(site.url)
    data = random_model_bytes("7.0", n_embed=64, n_layer=1, seed=4)
    transfer = page.evaluate_handle(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "early.bin"));
          return transfer;
        }""",
        b64encode(data).decode(),
    )
    page.locator("h1").wait_for()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    assert page.evaluate(f"{SESSION}.phase") == "opening"
    for route in held:
        route.continue_()
    page.context.unroute("**/models/*")
    expect(page.locator("[data-part=model]")).to_have_text("early.bin", timeout=BOOT_MS)


@pytest.mark.parametrize("width", [390, 320])
def test_nothing_is_wider_than_a_phone(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    say(page, "x" * 500)
    wait_answer(page)
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == width
    page.get_by_role("button", name="Memory:").click()
    assert page.evaluate(wide) == width


def test_settings_out_of_range_come_back_into_it(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    for label, typed, kept in (
        ("Temperature, as a number", "-5", "0"),
        ("Temperature, as a number", "", "0"),
        ("Seed", "-5", ""),
        ("Seed", "1.5", ""),
    ):
        field = page.get_by_label(label, exact=True)
        field.fill(typed)
        field.press("Enter")
        field.blur()
        expect(field).to_have_value(kept)
    page.get_by_role("button", name="Reset all").click()
    page.keyboard.press("Escape")
    say(page, "Hello")
    wait_answer(page)
    assert BUNDLED in figures(page)
