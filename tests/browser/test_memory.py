"""The memory budget: shown, reconciled, checked before a load, and freed by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deep_tree_echo.convert import convert_file
from playwright.sync_api import Page, ViewportSize, expect

from tests.random_models import random_model_bytes

from .conftest import BOOT_MS, figures, open_inside, say, wait_answer
from .test_look import assert_accessible, focused, shoot, tab_to
from .test_models import BUNDLED, give_file

SESSION = "document.querySelector('echo-app').session"


@pytest.fixture(autouse=True)
def bundled(page: Page) -> None:
    """Every test begins with the bundled model, heads rounded."""
    page.evaluate(f"{SESSION}.models.setRoundHeads(true)")
    if page.locator("[data-part=model]").inner_text() != BUNDLED:
        open_inside(page, "Model")
        page.get_by_role("button", name="Back to the bundled model").click()
        expect(page.locator("[data-part=model]")).to_have_text(BUNDLED, timeout=BOOT_MS)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose FP16 head takes 9.4 MB more than in Q8_0."""
    path = tmp_path_factory.mktemp("models") / "large.bin"
    path.write_bytes(
        random_model_bytes("7.0", n_vocab=20_000, n_embed=512, n_layer=1, type="FP16", seed=3)
    )
    return path


def held(page: Page) -> float:
    """Megabytes that the figure in the header says."""
    label = page.get_by_role("button", name="Memory:").inner_text()
    found = re.match(r"Memory:\s*(\d+) MB\s*of 600 MB", label)
    assert found is not None, label
    return float(found[1])


def rows(page: Page) -> dict[str, float]:
    """The rows below the bar in MB."""
    texts = page.get_by_role("list", name="What holds memory").get_by_role("button")
    pairs = [text.rsplit("\n", 1) for text in texts.all_inner_texts()]
    return {name: float(size.removesuffix(" MB").removeprefix("< ")) for name, size in pairs}


def show_memory(page: Page) -> None:
    """Follows the figure in the header."""
    page.get_by_role("button", name="Memory:").click()
    expect(page.get_by_role("img", name="MB are held")).to_be_in_viewport()


def test_every_part_is_there_and_the_parts_add_up(page: Page) -> None:
    say(page, "Hello")
    wait_answer(page)
    show_memory(page)
    page.evaluate(f"{SESSION}.memory.ask()")
    parts = rows(page)
    for name in ("Python, NumPy and the engine", "Weights", "States of chats", "Free"):
        assert parts[name] > 0
    # Each row is rounded: from 100 MB on to whole ones; a few bytes are called 0.1.
    rounding = sum(0.5 if size >= 100 else 0.05 for size in parts.values()) + 0.1
    assert sum(parts.values()) == pytest.approx(600, abs=rounding)
    assert 600 - parts["Free"] == pytest.approx(held(page), abs=1.1)
    report = page.evaluate(f"{SESSION}.memory.report")
    inside = [entry for entry in report["entries"] if entry["kind"] != "page"]
    # Nothing that is in use in Python's memory is hidden; the two were taken in turn.
    attributed = sum(entry["n_bytes"] for entry in inside)
    assert attributed == pytest.approx(report["heap_used_bytes"], abs=20_000)
    assert report["heap_used_bytes"] <= report["heap_bytes"]
    assert_accessible(page)


def test_the_browser_measures_the_page_itself(page: Page) -> None:
    page.evaluate(f"{SESSION}.memory.measure()")
    around = page.evaluate(f"{SESSION}.memory.around")
    assert around["how"] == "measured"
    show_memory(page)
    page.get_by_role("button", name="The page itself").click()
    expect(page.locator("[data-detail=page]")).to_contain_text("measured by the browser at")
    assert rows(page)["The page itself"] == pytest.approx(around["bytes"] / 1e6, abs=0.06)


def test_exact_figures_by_pointer_and_by_keyboard(page: Page) -> None:
    show_memory(page)
    page.get_by_role("button", name="Weights").hover()
    expect(page.locator("[data-detail=weights]")).to_contain_text(
        re.compile(r"^2,\d{3},\d{3} bytes: echo-1m-FP16\.bin, since \d\d:\d\d\.$")
    )
    page.locator("echo-memory .bar .program").hover()
    expect(page.locator("[data-detail=program]")).to_be_visible()
    page.get_by_label("Your message").focus()
    tab_to(page, "Model", 80)
    for _ in range(8):
        page.keyboard.press("Tab")
        if "MB" in focused(page):
            break
    for _ in range(8):
        page.keyboard.press("ArrowDown")
        if "Working memory" in focused(page):
            break
    expect(page.locator("[data-detail=work]")).to_contain_text("bytes")
    assert_accessible(page)


def test_states_are_let_go_and_the_chat_goes_on(page: Page) -> None:
    for text in ("The first of two", "The second of two"):
        page.keyboard.press("Control+k")
        say(page, text)
        wait_answer(page)
    show_memory(page)
    states = page.get_by_role("list", name="States of chats")
    first = states.get_by_role("listitem").filter(has_text="The first of two")
    expect(first).to_contain_text("0.3 MB")
    page.get_by_role("button", name="Let go of the states of The first of two").click()
    expect(first).to_have_count(0)
    expect(states.get_by_role("listitem").filter(has_text="The second of two")).to_have_count(1)
    page.get_by_role("button", name="Let go of the states of The second of two").click()
    say(page, "And now?")
    wait_answer(page, 2)
    assert "rwkv_cpp" in figures(page, 2)


def test_a_large_head_is_asked_about_and_the_answer_remembered(page: Page, large: Path) -> None:
    give_file(page, large)
    choice = page.get_by_role("checkbox", name="Round the head to Q8_0 while loading")
    expect(choice).to_be_checked()
    expect(page.locator("echo-head-choice")).to_contain_text(
        "large.bin: FP16, 1 layer of 512, 20,000 tokens, with a head in FP16"
    )
    expect(page.locator("#cost")).to_contain_text("Saves 9.6 of 20.5 MB and about")
    load = page.get_by_role("button", name="Load", exact=True)
    expect(load).to_be_in_viewport()
    expect(load).to_be_focused()
    assert_accessible(page)
    shoot(page, "head-choice")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("[data-part=model]")).to_have_text("large.bin", timeout=BOOT_MS)
    expect(page.locator("echo-model")).to_contain_text("FP16, the head rounded to Q8_0")
    rounded = rows(page)["Weights"]
    give_file(page, large)
    choice.uncheck()
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("echo-model")).not_to_contain_text("the head rounded to", timeout=BOOT_MS)
    page.evaluate(f"{SESSION}.memory.ask()")
    assert rows(page)["Weights"] - rounded == pytest.approx(9.6, abs=0.2)
    give_file(page, large)
    expect(choice).not_to_be_checked()
    page.get_by_role("button", name="Cancel").click()
    expect(choice).to_have_count(0)
    expect(page.locator("[data-part=model]")).to_have_text("large.bin")


def test_a_head_that_is_rounded_in_the_file_is_no_question(
    page: Page, large: Path, tmp_path: Path
) -> None:
    path = tmp_path / "small-head.bin"
    convert_file(large, path, "FP16", head="Q8_0")
    give_file(page, path)
    expect(page.locator("[data-part=model]")).to_have_text("small-head.bin", timeout=BOOT_MS)
    expect(page.locator("echo-model")).to_contain_text("FP16")
    expect(page.locator("echo-model")).not_to_contain_text("the head rounded to")


def test_a_model_without_room_is_refused_with_a_way_out(
    page: Page, large: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(random_model_bytes("7.0", n_embed=512, n_layer=5, seed=4, type="FP16"))
    give_file(page, other)
    expect(page.locator("[data-part=model]")).to_have_text("other.bin", timeout=BOOT_MS)
    say(page, "Hello")
    answer = wait_answer(page)
    # As if the page itself held so much that the second model does not fit beside the first.
    page.evaluate(
        f"""async () => {{
          const {{ memory }} = {SESSION};
          memory.measure = () => memory.ask();
          await memory.ask();
          const {{ limit_bytes, used_bytes }} = memory.report;
          const bytes = limit_bytes - (used_bytes - (memory.around?.bytes ?? 0)) - 20e6;
          memory.around = {{ bytes, how: "measured", at: Date.now() }};
          await memory.ask();
        }}"""
    )
    give_file(page, large)
    problem = page.locator("#load-problem")
    expect(problem).to_contain_text(
        re.compile(
            r"large\.bin needs \d+ MB and \d+ of 600 MB are free; load the bundled model, which "
            r"frees up to \d+ MB\."
        )
    )
    expect(problem).to_contain_text("other.bin goes on working.")
    assert_accessible(page)
    shoot(page, "no-room")
    say(page, "Still there?")
    wait_answer(page, 2)
    assert "rwkv_cpp · other.bin" in figures(page, 2)
    page.get_by_role("button", name="Load the bundled model, then this").click()
    expect(page.locator("[data-part=model]")).to_have_text("large.bin", timeout=BOOT_MS)
    assert (
        page.get_by_role("article", name="Answer").first.locator(".answer").inner_text() == answer
    )
    page.reload()
    page.locator("[data-part=backend]").wait_for(timeout=BOOT_MS)


def test_a_load_cancelled_in_the_middle_loses_nothing(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "cancelled.bin"
    path.write_bytes(random_model_bytes("7.0", n_embed=512, n_layer=6, seed=5))
    say(page, "Hello")
    wait_answer(page)
    open_inside(page, "Model")
    page.evaluate(f"{SESSION}.memory.ask()")
    before = page.evaluate(f"{SESSION}.memory.report")
    page.evaluate(
        f"""() => {{
          const {{ models }} = {SESSION};
          self.seen = [];
          {SESSION}.addEventListener("change", () => {{
            const {{ loading }} = models;
            if (loading?.label !== "cancelled.bin" || !loading.step) return;
            self.seen.push(loading.step);
            models.cancel();
          }});
        }}"""
    )
    give_file(page, path)
    expect(page.locator("echo-model .note")).to_have_count(1)
    expect(page.locator("echo-model .note")).to_have_count(0)
    page.wait_for_timeout(500)
    expect(page.locator("[data-part=model]")).to_have_text(BUNDLED)
    step = page.evaluate("self.seen[0]")
    assert 0 < step["done"] < step["total"]
    page.evaluate(f"{SESSION}.memory.ask()")
    after = page.evaluate(f"{SESSION}.memory.report")
    assert [entry["kind"] for entry in after["entries"] if entry["kind"] != "other"] == [
        entry["kind"] for entry in before["entries"] if entry["kind"] != "other"
    ]
    assert after["heap_used_bytes"] - before["heap_used_bytes"] < 1_000_000
    say(page, "And now?")
    wait_answer(page, 2)
    assert BUNDLED in figures(page, 2)


def test_memory_on_a_phone(page: Page) -> None:
    page.set_viewport_size(ViewportSize(width=390, height=844))
    show_memory(page)
    page.get_by_role("button", name="Weights").click()
    expect(page.locator("[data-detail=weights]")).to_be_visible()
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    assert_accessible(page)
    shoot(page, "phone-memory")
    page.set_viewport_size(ViewportSize(width=360, height=740))
    assert not page.evaluate(wide)
    page.get_by_role("button", name="Close Inside").click()


def test_without_an_engine_there_is_nothing_to_show(page: Page) -> None:
    show_memory(page)
    page.evaluate(f"{SESSION}.died('a test has ended it')")
    expect(page.locator("echo-memory")).to_contain_text("holds nothing")
    page.get_by_role("button", name="Restart the engine").first.click()
    page.locator("[data-part=backend]").wait_for(timeout=BOOT_MS)
