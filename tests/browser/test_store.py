"""What the page keeps of its talks, whatever happens to its tab."""

from __future__ import annotations

import contextlib

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
