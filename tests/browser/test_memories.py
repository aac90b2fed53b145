"""The Memory view: what was told comes back in other chats and after a reload, or is deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import Open, open_inside, say, wait_answer, wait_ready
from .test_look import PHONE, Scheme, assert_accessible, shoot
from .test_rough import SESSION

TOLD = "Remember that my sister Anna plays the cello."
KEPT = "My sister Anna plays the cello."
ASKED = "Which instrument does Anna play?"


def remember(page: Page) -> None:
    """Opens the Memory view and switches it on."""
    open_inside(page, "Memory")
    page.get_by_role("switch", name="Remember what I say").check()
    expect(page.get_by_role("switch", name="Let answers use")).to_be_checked()


def memories(page: Page) -> Locator:
    return page.get_by_role("list", name="Memories", exact=True).locator("echo-memory-row")


def add(page: Page, text: str) -> None:
    page.get_by_label("A new memory").fill(text)
    page.get_by_role("button", name="Add").click()
    expect(memories(page).get_by_text(text, exact=True)).to_be_visible()


def new_chat(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("article", name="Answer")).to_have_count(0)


def test_what_is_told_is_recalled_and_shown_after_a_reload(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, TOLD)
    wait_answer(page)
    open_inside(page, "Memory")
    expect(page.get_by_text("Nothing is remembered.")).to_be_visible()
    remember(page)
    new_chat(page)
    say(page, TOLD)
    wait_answer(page)
    expect(memories(page)).to_have_count(1)

    page.reload()
    wait_ready(page)
    new_chat(page)
    say(page, ASKED)
    wait_answer(page)
    page.get_by_role("button", name="Close Inside").click()
    page.get_by_role("button", name="recalled 1").click()
    recalled = page.get_by_role("list", name="Recalled memories")
    expect(recalled.get_by_text(KEPT)).to_be_visible()
    expect(recalled.get_by_text("by words and")).to_be_visible()
    expect(memories(page).get_by_text("used once")).to_be_visible()
    assert "view=memories" in page.url

    page.get_by_role("switch", name="Remember what I say").uncheck()
    new_chat(page)
    say(page, ASKED)
    wait_answer(page)
    expect(page.get_by_text("memory had no part in this answer")).to_be_visible()
    expect(page.get_by_role("button", name="recalled 1")).to_have_count(0)


def test_deleting_is_for_good_and_can_be_undone_before(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    remember(page)
    add(page, "The password is quinquereme.")
    assert "quinquereme" in files(page)
    memories(page).get_by_role("button", name="Delete").click()
    expect(memories(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(memories(page)).to_have_count(1)
    memories(page).get_by_role("button", name="Delete").click()
    expect(memories(page)).to_have_count(0)
    assert "quinquereme" not in files(page)
    page.reload()
    wait_ready(page)
    expect(page.get_by_text("Nothing is remembered.")).to_be_visible()


def files(page: Page) -> str:
    """The bytes of everything in the browser's private file system."""
    found: Any = page.evaluate(
        """async () => {
          const read = async (folder) => {
            let text = "";
            for await (const entry of folder.values()) {
              if (entry.kind === "directory") text += await read(entry);
              else {
                const bytes = await (await entry.getFile()).arrayBuffer();
                text += new TextDecoder("latin1").decode(bytes);
              }
            }
            return text;
          };
          return await read(await navigator.storage.getDirectory());
        }"""
    )
    return str(found)


def test_memories_are_changed_linked_found_and_forgotten(page: Page, tmp_path: Path) -> None:
    remember(page)
    add(page, "Anna has a cat.")
    add(page, "The cat is called Miro.")
    cat = memories(page).first
    cat.get_by_role("button", name="Edit").click()
    cat.get_by_label("What is remembered").fill("The cat is called Mira.")
    cat.get_by_label("Tags").fill("animals, home")
    cat.get_by_label("Importance").fill("0.9")
    cat.get_by_role("button", name="Save").click()
    cat = memories(page).filter(has_text="The cat is called Mira.")
    expect(cat.get_by_text("importance 0.90")).to_be_visible()
    cat.get_by_role("button", name="Link").click()
    page.get_by_role("button", name="Belongs to this").click()
    expect(cat.get_by_text("“Anna has a cat.”")).to_be_visible()
    cat.get_by_role("button", name="“Anna has a cat.” no longer belongs to this").click()
    expect(page.get_by_text("They no longer belong together.")).to_be_visible()
    expect(page.get_by_text("Belongs to:")).to_have_count(0)
    expect(memories(page)).to_have_count(2)
    cat.get_by_role("button", name="#animals").click()
    expect(memories(page)).to_have_count(1)
    page.get_by_label("Tag", exact=True).select_option("")
    page.get_by_label("Search memories").fill("HAS a")
    expect(memories(page)).to_have_count(1)
    page.get_by_label("Search memories").fill("")
    expect(memories(page)).to_have_count(2)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    document = tmp_path / "memories.json"
    download.value.save_as(document)
    page.get_by_role("button", name="Forget all").click()
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("Nothing is remembered.")).to_be_visible()
    page.get_by_label("A file of memories").set_input_files(document)
    expect(memories(page)).to_have_count(2)
    page.get_by_label("A file of memories").set_input_files(
        {"name": "x.json", "mimeType": "application/json", "buffer": b"{"}
    )
    expect(page.get_by_text("The file of memories is no JSON")).to_be_visible()


def test_ten_thousand_memories_stay_quick(page: Page) -> None:
    page.evaluate(
        f"""() => {{
          const memories = Array.from({{ length: 10000 }}, (_, n) => ({{
            id: `many-${{n}}`, content: `Fact ${{n}} of tree ${{n % 7}}.`,
            memory_type: "declarative", timestamp: n, importance: 0.2,
          }}));
          const all = {{ format: "deep-tree-echo memories 1", memories }};
          return {SESSION}.memories.import(JSON.stringify(all));
        }}"""
    )
    open_inside(page, "Memory")
    expect(memories(page)).to_have_count(25)
    page.get_by_role("button", name="After").click()
    expect(page.get_by_text("26 to 50 of 10,0")).to_be_visible()
    page.get_by_label("Search memories").fill("fact 9876")
    expect(memories(page)).to_have_count(1)
    page.evaluate(f"() => {SESSION}.memories.forget()")
    expect(page.get_by_text("Nothing is remembered.")).to_be_visible()


def test_without_a_disk_it_says_so(open_page: Open) -> None:
    page = open_page(
        worker_script="StorageManager.prototype.getDirectory = () => "
        "Promise.reject(new Error('refused here'));"
    )
    wait_ready(page)
    remember(page)
    expect(page.get_by_text("Kept only until this tab is closed")).to_be_visible()
    add(page, "Anna has a cat.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_view_looks_right(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    remember(page)
    say(page, TOLD)
    wait_answer(page)
    new_chat(page)
    say(page, ASKED)
    wait_answer(page)
    expect(page.get_by_role("list", name="Recalled memories")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"memories-{scheme}")
    memories(page).first.get_by_role("button", name="Edit").click()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_label("What is remembered")).to_have_count(0)
    page.set_viewport_size(PHONE)
    assert_accessible(page)
    shoot(page, f"memories-phone-{scheme}")
