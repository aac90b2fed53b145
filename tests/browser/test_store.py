"""What the page keeps of its talks, whatever happens to its tab."""

from __future__ import annotations

import contextlib
from pathlib import Path

from playwright.sync_api import Error, Page, expect

from .conftest import BOOT_MS, Open, say, wait_answer, wait_ready
from .test_rough import SESSION

EARLIER = """
if (!sessionStorage.getItem("made")) {
  sessionStorage.setItem("made", "yes");
  const opening = indexedDB.open("deep-tree-echo", 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("talks", { keyPath: "id" }).put({
      id: "old", title: "", created: 1, updated: 2, leaf: "a",
      messages: {
        q: { id: "q", parent: null, role: "user", text: "From long ago", status: "done" },
        a: { id: "a", parent: "q", role: "assistant", text: "Half an ans", status: "streaming" },
      },
    });
    opening.result.createObjectStore("values").put({ roundHeads: false }, "preferences");
  };
  opening.onsuccess = () => opening.result.close();
}
"""


def test_what_an_earlier_version_kept_comes_along(open_page: Open) -> None:
    page = open_page(script=EARLIER)
    wait_ready(page)
    chats = page.get_by_role("list", name="Chats").get_by_role("listitem")
    expect(chats).to_have_count(1)
    chats.get_by_text("From long ago").click()
    expect(page.get_by_text("Half an ans")).to_be_visible()
    page.wait_for_function(
        "async () => (await indexedDB.databases()).every(({ name }) => name !== 'deep-tree-echo')"
    )
    page.reload()
    wait_ready(page)
    expect(page.get_by_text("Half an ans")).to_be_visible()
    assert page.evaluate(f"{SESSION}.models.roundHeads") is False


def test_a_long_talk_goes_on_after_a_reload_without_being_read_again(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, "Trees are old. " * 60)
    wait_answer(page)
    page.reload()
    wait_ready(page)
    expect(page.locator(".said")).to_have_count(1)
    page.evaluate(
        f"""() => {{
          window.read = 0;
          {SESSION}.addEventListener("change", () => {{
            window.read = Math.max(window.read, {SESSION}.reading?.total ?? 0);
          }});
        }}"""
    )
    say(page, "Go on")
    wait_answer(page, 2)
    assert page.evaluate("window.read") < 100


def crash(page: Page) -> str:
    """Kills the tab in the middle of an answer; what it had shown of it."""
    shown = page.wait_for_function(f"() => {SESSION}.answering?.text || null").json_value()
    with contextlib.suppress(Error):
        page.goto("chrome://crash", timeout=5000)
    return str(shown)


def test_a_killed_tab_has_lost_nothing_that_it_showed(open_page: Open) -> None:
    page = open_page()
    for number in range(3):
        wait_ready(page)
        expect(page.locator(".said")).to_have_count(number)
        say(page, f"Tell me all about the number {number}")
        shown = crash(page)
        address = page.url
        after = page.context.new_page()
        page.close()
        page = after
        page.goto(address)
        wait_ready(page)
        expect(page.locator(".said")).to_have_count(number + 1, timeout=BOOT_MS)
        answer = f"Object.values({SESSION}.talk.messages).at(-1)"
        assert page.evaluate(f"{answer}.text").startswith(shown.strip())
        assert page.evaluate(f"{answer}.status") == "done"
        assert page.evaluate(f"{SESSION}.engine.store('check', {{}})") == [["ok"]]


def test_searching_all_chats(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, "Where do the herons nest?")
    wait_answer(page)
    page.get_by_role("button", name="Edit").click()
    page.locator("echo-message textarea").fill("Where do the storks nest?")
    page.get_by_role("button", name="Ask this instead").click()
    expect(page.locator(".said")).to_have_text("Where do the storks nest?")
    wait_answer(page)
    page.keyboard.press("Control+k")
    say(page, "Something else")
    wait_answer(page)
    page.get_by_role("button", name="New chat").focus()
    page.keyboard.press("/")
    search = page.get_by_label("Search the chats")
    expect(search).to_be_focused()
    # On the branch that is not shown.
    search.fill("the hero")
    found = page.get_by_role("list", name="Found").get_by_role("button")
    expect(found).to_have_count(1)
    expect(found.locator("mark").last).to_have_text("herons")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("echo-message[found] .said")).to_have_text("Where do the herons nest?")
    search.fill("xylophone")
    expect(page.get_by_text("No message has this word.")).to_be_visible()
    search.press("Escape")
    expect(page.get_by_role("list", name="Chats").get_by_role("listitem")).to_have_count(2)


def choose(page: Page, file: Path) -> None:
    """Imports a file as a visitor does."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import").click()
    chooser.value.set_files(file)


def test_chats_as_a_file_there_and_back(open_page: Open, tmp_path: Path) -> None:
    page = open_page()
    wait_ready(page)
    for text in ("Hello there", "About trees"):
        page.keyboard.press("Control+k")
        say(page, text)
        wait_answer(page)
    answer = page.locator(".answer").inner_text()
    files = []
    for button in ("Export About trees", "Export all"):
        row = page.get_by_role("list", name="Chats").get_by_text("About trees")
        row.hover()
        with page.expect_download() as waiting:
            page.get_by_role("button", name=button).click()
        files.append(tmp_path / waiting.value.suggested_filename)
        waiting.value.save_as(files[-1])
    one, both = files
    assert one.name == "about-trees.chats"
    damaged = tmp_path / "damaged.chats"
    data = bytearray(one.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    newer = tmp_path / "newer.chats"
    newer.write_bytes(data[:8] + b"\x02" + data[9:])

    # A browser that has none of them.
    other = open_page()
    wait_ready(other)
    chats = other.get_by_role("list", name="Chats").get_by_role("listitem")
    for file, why in ((damaged, "is damaged"), (newer, "has version 2 of the format")):
        choose(other, file)
        expect(other.get_by_text(f"{file.name} {why}")).to_be_visible()
        expect(chats).to_have_count(0)
    choose(other, one)
    expect(other.get_by_text("One chat was added.")).to_be_visible()
    chats.get_by_text("About trees").click()
    expect(other.locator(".answer")).to_have_text(answer, use_inner_text=True)
    choose(other, both)
    expect(other.get_by_text("2 chats were added.")).to_be_visible()
    expect(chats).to_have_count(3)
    other.reload()
    wait_ready(other)
    expect(chats).to_have_count(3)
    # The states came along: only the new message is read.
    say(other, "Go on")
    wait_answer(other, 2)


def test_two_branches_side_by_side(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, "Tell me about trees")
    first = wait_answer(page)
    expect(page.get_by_role("button", name="Compare")).to_have_count(0)
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    second = wait_answer(page)
    say(page, "And then?")
    wait_answer(page, 2)
    page.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Two branches")
    left = dialog.get_by_role("region", name="Left branch")
    right = dialog.get_by_role("region", name="Right branch")
    expect(left.locator(".text")).to_have_count(1)
    expect(right.locator(".text")).to_have_count(3)
    expect(left).to_contain_text("rwkv_cpp · echo-1m-FP16.bin")
    expect(left).to_contain_text("tokens/s")
    expect(right).to_contain_text("And then?")
    assert first.split()[0] in left.locator(".text").inner_text()
    assert second.split()[0] in right.locator(".text").first.inner_text()
    beside = left.bounding_box(), right.bounding_box()
    assert beside[0] is not None
    assert beside[1] is not None
    assert beside[0]["y"] == beside[1]["y"]
    page.set_viewport_size({"width": 390, "height": 844})
    below = left.bounding_box(), right.bounding_box()
    assert below[0] is not None
    assert below[1] is not None
    assert below[0]["x"] == below[1]["x"]
    left.get_by_role("button", name="Show it").click()
    expect(page.get_by_text("1 of 2")).to_be_visible()


def test_a_second_tab_shows_the_talk_of_its_address_once_it_has_it(open_page: Open) -> None:
    page = open_page()
    wait_ready(page)
    say(page, "In the first tab")
    wait_answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    wait_ready(other)
    expect(other.get_by_text("Your chats are open in another tab")).to_be_visible()
    assert other.url == page.url
    other.get_by_role("button", name="Use here").click()
    expect(other.locator(".said")).to_have_text("In the first tab")
    assert other.url == page.url
