"""The adaptation's gauge: off at first, learning where it is chosen, there again after a reload."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import Open, open_inside, say, wait_answer, wait_ready
from .test_look import assert_accessible, shoot

TEXT = "The numbat digs. The numbat naps. The numbat eats. The numbat runs."


def choose(page: Page, mode: str) -> None:
    open_inside(page, "Memory")
    page.get_by_label("Learn from what I write").select_option(mode)


def gauge(page: Page, name: str) -> str:
    """A row of the gauge, once it is there."""
    row = page.locator("echo-adaptation dt", has_text=name).locator("xpath=following::dd[1]")
    row.wait_for()
    return row.inner_text()


def test_it_learns_where_it_is_chosen_and_goes_on_after_a_reload(
    open_page: Open, tmp_path: Path
) -> None:
    page = open_page()
    wait_ready(page)
    open_inside(page, "Memory")
    expect(page.get_by_label("Learn from what I write")).to_have_value("off")
    expect(page.get_by_text("Bits per byte")).to_have_count(0)
    choose(page, "all")
    say(page, TEXT)
    wait_answer(page)
    without = float(gauge(page, "Bits per byte without"))
    adapted = float(gauge(page, "Bits per byte with:").split()[0])
    assert gauge(page, "Learned from") != "0 tokens"
    page.keyboard.press("Control+k")
    say(page, TEXT + " The numbat sleeps.")
    wait_answer(page)
    expect(page.get_by_role("img", name="Bits per byte over")).to_be_visible()
    assert_accessible(page)
    shoot(page, "adaptation")
    learned = gauge(page, "Learned from")
    assert adapted < without

    page.reload()
    wait_ready(page)
    assert gauge(page, "Learned from") == learned
    with page.expect_download() as download:
        page.get_by_role("button", name="Export what was learned").click()
    file = tmp_path / "adaptation.echo"
    download.value.save_as(file)
    page.get_by_role("button", name="Forget what was learned").click()
    expect(page.locator("echo-adaptation").get_by_text("0 tokens", exact=True)).to_be_visible()
    page.get_by_label("A file of what was learned").set_input_files(file)
    expect(page.locator("echo-adaptation").get_by_text(learned)).to_be_visible()
    page.get_by_label("A file of what was learned").set_input_files(
        {"name": "x.echo", "mimeType": "application/octet-stream", "buffer": b"hello"}
    )
    expect(page.get_by_text("no snapshot of an adaptation")).to_be_visible()
    expect(page.locator("echo-adaptation").get_by_text(learned)).to_be_visible()


def test_a_mock_cannot_learn_and_says_so(open_page: Open) -> None:
    page = open_page(block=("**/models/*",))
    assert "mock" in wait_ready(page)
    open_inside(page, "Memory")
    expect(page.get_by_label("Learn from what I write")).to_be_disabled()
    expect(page.get_by_text("The mock has no hidden state to learn from")).to_be_visible()
