"""The laboratory as a whole: how it opens, who can use it, what it looks like."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from scripts.serve import Server

from .bench import WIDE, at_squares, go, state, step
from .conftest import BOOT_MS, DESK, Open, say, wait_answer, wait_ready
from .test_look import PHONE, Scheme, assert_accessible, focused, shoot, tab_to


@pytest.fixture
def bench(ready_page: Page) -> Page:
    """The module's page at square numbers, at the start."""
    return at_squares(ready_page)


def test_it_opens_without_the_model_and_loads_only_when_asked(
    open_page: Open, site: Server
) -> None:
    page = open_page(
        url="about:blank",
        other_origins=(site.url,),
        script="delete Navigator.prototype.serviceWorker;",
    )
    held: list[Route] = []
    asked: list[str] = []
    page.context.route("**/models/**", lambda route: held.append(route))
    page.context.on("request", lambda sent: asked.append(sent.url))
    page.goto(f"{site.url}#/laboratory/membranes")
    page.locator("echo-membrane-view").wait_for(timeout=BOOT_MS)
    step(page)
    expect(state(page)).to_contain_text("2 rules applied 2 times")
    assert held
    assert not page.locator("[data-part=backend]").is_visible()
    assert not [url for url in asked if "lark" in url or "trees" in url]


def test_the_chat_does_not_ask_for_it(ready_page: Page) -> None:
    page = ready_page
    names = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    if page.evaluate("location.hash").startswith("#/laboratory"):
        pytest.skip("this page has been in the laboratory; run the whole file")
    assert [name for name in names if "/assets/index-" in name]
    assert not [name for name in names if "laboratory" in name or "membranes" in name]


def test_the_way_there_and_back(ready_page: Page) -> None:
    page = ready_page
    page.set_viewport_size(DESK)
    page.keyboard.press("Control+k")
    say(page, "Hello")
    wait_answer(page)
    place = page.evaluate("location.hash")
    page.get_by_role("link", name="Laboratory").click()
    page.locator("echo-spectrum").wait_for(timeout=BOOT_MS)
    assert focused(page) == "Reservoir"
    page.get_by_role("link", name="Trees").click()
    expect(page.get_by_role("heading", name="Trees", exact=True)).to_be_visible()
    page.get_by_role("link", name="Chat").click()
    assert page.evaluate("location.hash") == place
    expect(page.get_by_role("article", name="Answer")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Trees", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("heading", name="A language model lives in this page")).to_be_visible()


@pytest.mark.parametrize(
    ("section", "title"),
    [
        ("reservoir", "Reservoirs"),
        ("membranes", "Membrane systems"),
        ("trees", "Rooted trees and B-series"),
    ],
)
def test_the_docs_are_there(section: str, title: str, ready_page: Page) -> None:
    go(ready_page, section)
    ready_page.locator("echo-laboratory .explained summary").click()
    with ready_page.expect_popup() as opening:
        ready_page.get_by_role("link", name="More in the docs").click()
    docs = opening.value
    expect(docs.get_by_role("heading", level=1)).to_have_text(title)
    assert_accessible(docs)
    docs.close()
    ready_page.locator("echo-laboratory .explained summary").click()


def test_by_keyboard(bench: Page) -> None:
    bench.locator("echo-laboratory h2").focus()
    tab_to(bench, "Subset sum")
    bench.keyboard.press("Enter")
    tab_to(bench, "Step")
    bench.keyboard.press("Enter")
    expect(state(bench)).to_contain_text("1 rule applied once; 3 membranes")
    bench.keyboard.press("Tab")
    bench.keyboard.press("Enter")
    expect(state(bench)).to_contain_text("Halted")
    bench.get_by_role("link", name="Trees").focus()
    bench.keyboard.press("Enter")
    bench.locator("echo-tree-gallery").wait_for(timeout=BOOT_MS)
    bench.get_by_role("button", name="5th order").focus()
    bench.keyboard.press("Tab")
    bench.keyboard.press("Enter")
    tab_to(bench, "f′f′f′f′f′f, the tree [[[[[•]]]]], its condition fails")
    bench.keyboard.press("ArrowRight")
    assert focused(bench) == "f′f′f′f″(f, f), the tree [[[[•,•]]]], its condition fails"
    bench.keyboard.press("ArrowDown")
    assert focused(bench).endswith("its condition fails")
    tab_to(bench, "CSV")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_looks(bench: Page, scheme: Scheme) -> None:
    bench.emulate_media(color_scheme=scheme)
    bench.get_by_role("button", name="Subset sum").click()
    for number in range(1, 5):
        step(bench)
        expect(bench.locator("echo-rules")).to_contain_text(f"Applied in step {number}")
    bench.locator("summary", has_text="What am I looking at?").first.click()
    bench.get_by_text("All rules (7)").click()
    assert_accessible(bench)
    shoot(bench, f"laboratory-membranes-{scheme}")
    go(bench, "trees")
    bench.get_by_role("button", name="6th order").click()
    bench.get_by_text("The same as a table").click()
    expect(bench.locator("echo-convergence .slope b")).to_be_visible(timeout=60_000)
    assert_accessible(bench)
    shoot(bench, f"laboratory-trees-{scheme}")
    bench.locator("echo-convergence").scroll_into_view_if_needed()
    shoot(bench, f"laboratory-order-{scheme}")
    bench.get_by_text("The same as a table").click()
    bench.set_viewport_size(PHONE)
    assert_accessible(bench)
    assert not bench.evaluate(WIDE)
    shoot(bench, f"phone-laboratory-trees-{scheme}")
    go(bench, "membranes")
    bench.locator("echo-membrane-view").scroll_into_view_if_needed()
    assert_accessible(bench)
    assert not bench.evaluate(WIDE)
    shoot(bench, f"phone-laboratory-membranes-{scheme}")
    bench.set_viewport_size(DESK)


def test_a_dead_engine_can_be_restarted(bench: Page) -> None:
    bench.evaluate("document.querySelector('echo-app').session.died('a test has ended it')")
    bench.get_by_role("link", name="Trees").click()
    bench.get_by_role("link", name="Membranes").click()
    expect(bench.get_by_role("alert").first).to_contain_text("The engine stopped: a test has ended")
    assert_accessible(bench)
    bench.get_by_role("button", name="Restart the engine").click()
    bench.locator("echo-membrane-view").wait_for(timeout=BOOT_MS)
    step(bench)
    expect(state(bench)).to_contain_text("2 rules applied 2 times")
    bench.get_by_role("link", name="Chat").click()
    wait_ready(bench)
