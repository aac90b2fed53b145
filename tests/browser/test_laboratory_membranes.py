"""Membrane systems in the laboratory: stepped, played, written, saved."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from deep_tree_echo.laboratory.systems import squares
from playwright.sync_api import Page, expect

from scripts.serve import Server

from .bench import at_squares, check_png, check_svg, run, saved, state, step
from .conftest import BOOT_MS, Open
from .test_look import assert_accessible, shoot

GROWING = "@model<transition>\ndef main() { @mu = []'1; @ms(1) = a; [a --> a*2]'1; }"
WRONG = "@model<transition>\ndef main() {\n  @mu = []'1;\n  [a -> b]'1;\n}"


@pytest.fixture
def bench(ready_page: Page) -> Page:
    """The module's page at square numbers, at the start."""
    return at_squares(ready_page)


def test_steps_are_those_of_the_package(bench: Page) -> None:
    system = squares(seed=4)
    rules = bench.locator("echo-rules")
    for number in range(1, 4):
        step(bench)
        made = system.step()
        expect(rules.get_by_role("heading", name=f"Applied in step {number}")).to_be_visible()
        texts = [system.rules[item.rule].text(system.model) for item in made.applied]
        expect(rules.locator(".applied code")).to_have_text(texts)
        drawing = bench.locator("echo-membrane-view svg")
        expect(drawing).to_have_attribute("aria-label", f"Step {number}: {system.configuration}")
    run(bench)
    steps = system.run().steps
    expect(state(bench)).to_contain_text(f"Halted after {steps} steps: no rule can be applied.")
    result = str(system.result()).replace("*", " ×")
    expect(state(bench)).to_contain_text(f"Membrane 4 holds {result}.")
    expect(bench.get_by_role("button", name="Step", exact=True)).to_be_disabled()
    expect(bench.locator("echo-trace tbody tr")).to_have_count(steps + 1)
    bench.get_by_role("button", name="Back to the start").click()
    expect(state(bench)).to_contain_text("At the start: 4 membranes, 2 objects.")
    bench.get_by_role("button", name="Show step 2", exact=True).click()
    expect(bench.get_by_role("slider", name="Step")).to_have_value("2")


def test_play_and_pause(bench: Page) -> None:
    bench.get_by_label("Speed").fill("20")
    bench.get_by_role("button", name="Play").click()
    expect(bench.get_by_role("button", name="Pause")).to_be_visible()
    expect(state(bench)).to_contain_text("Halted", timeout=15_000)
    expect(bench.get_by_role("button", name="Play")).to_be_disabled()
    bench.get_by_role("button", name="One step back").click()
    bench.get_by_role("button", name="Play").click()
    bench.get_by_label("Speed").fill("2")


def test_rules_that_are_pointed_at_mark_their_membranes(bench: Page) -> None:
    step(bench)
    bench.locator("echo-rules .applied li").first.hover()
    expect(bench.locator("echo-membrane-view .marked")).to_have_count(1)
    bench.mouse.move(5, 5)
    expect(bench.locator("echo-membrane-view .marked")).to_have_count(0)


WATCH = """sky => {
  self.flown = 0;
  new MutationObserver(changes => {
    for (const { addedNodes } of changes) self.flown += addedNodes.length;
  }).observe(sky, { childList: true });
}"""


def test_objects_move_unless_nobody_wants_motion(bench: Page) -> None:
    bench.locator("echo-membrane-view .flights").evaluate(WATCH)
    bench.get_by_role("button", name="Dissolution").click()
    step(bench)
    expect(bench.locator("echo-rules")).to_contain_text("Moved")
    bench.wait_for_function("self.flown > 0")
    expect(bench.locator("echo-membrane-view .flight")).to_have_count(0)
    bench.emulate_media(reduced_motion="reduce")
    bench.evaluate("self.flown = 0")
    step(bench)
    expect(bench.locator("echo-rules")).to_contain_text("Applied in step 2")
    bench.wait_for_timeout(300)
    assert bench.evaluate("self.flown") == 0


def test_parameters_and_their_errors(bench: Page) -> None:
    bench.get_by_role("button", name="Divisibility").click()
    bench.get_by_label("k", exact=True).fill("7")
    bench.get_by_label("n", exact=True).fill("1000")
    bench.get_by_role("button", name="Start anew").click()
    expect(bench.get_by_role("alert")).to_have_text(
        "n is '1000'; it must be an integer from 0 to 999."
    )
    bench.get_by_label("n", exact=True).fill("84")
    bench.keyboard.press("Enter")
    expect(bench.get_by_text("Does 7 divide 84?")).to_be_visible()
    expect(bench.get_by_role("alert")).to_have_count(0)
    run(bench)
    expect(state(bench)).to_contain_text("Membrane 3 holds yes.")
    bench.get_by_role("textbox", name="Seed").fill("-1")
    bench.keyboard.press("Enter")
    expect(bench.get_by_role("alert")).to_contain_text("The seed is '-1'; it must be")
    bench.get_by_role("textbox", name="Seed").fill("4")
    bench.keyboard.press("Enter")
    expect(bench.get_by_role("alert")).to_have_count(0)


def test_satisfiability(bench: Page) -> None:
    bench.get_by_role("button", name="Satisfiability by division").click()
    bench.get_by_label("Clauses").fill("1 2, -1 2, 1 -2, -1 -2")
    bench.get_by_role("button", name="Start anew").click()
    expect(bench.get_by_text("(x₁ ∨ x₂) ∧ (¬x₁ ∨ x₂) ∧ (x₁ ∨ ¬x₂) ∧ (¬x₁ ∨ ¬x₂)")).to_be_visible()
    run(bench)
    expect(state(bench)).to_contain_text("The environment holds no.")
    expect(bench.locator("echo-membrane-view .charge")).to_have_count(1)


def own(page: Page, text: str) -> None:
    page.get_by_role("button", name="Own system").click()
    page.get_by_label("Membrane system in P-Lingua or JSON").fill(text)
    page.get_by_role("button", name="Put it on the bench").click()


def test_an_own_system_and_its_errors(bench: Page) -> None:
    own(bench, WRONG)
    alert = bench.locator("echo-source-editor").get_by_role("alert")
    expect(alert).to_contain_text(
        "P-Lingua, line 4, column 7: '>' is unexpected here; expected is '['.", timeout=BOOT_MS
    )
    expect(bench.locator("echo-source-editor .wrong")).to_have_text("4")
    bench.get_by_role("button", name="Go to line 4, column 7").click()
    field = bench.get_by_label("Membrane system in P-Lingua or JSON")
    begin, end = field.evaluate("field => [field.selectionStart, field.selectionEnd]")
    assert WRONG[begin:end] == ">"
    shoot(bench, "laboratory-own-light")
    assert_accessible(bench)
    # What was on the bench is still there.
    expect(bench.locator("echo-rules")).to_contain_text("All rules (7)")
    field.fill(GROWING)
    field.press("Control+Enter")
    expect(alert).to_be_empty()
    expect(bench.locator("echo-rules")).to_contain_text("All rules (1)")
    run(bench)
    expect(state(bench)).to_contain_text(
        "beyond the 9007199254740991 objects that the system may hold", timeout=15_000
    )
    document = squares(seed=9).to_json()
    field.fill(json.dumps(document))
    field.press("Control+Enter")
    expect(bench.locator("echo-rules")).to_contain_text("All rules (7)")
    field.fill('{"format": "deep-tree-echo/psystem",\n "version": }')
    field.press("Control+Enter")
    expect(bench.get_by_role("button", name="Go to line 2, column 13")).to_be_visible()


def test_without_the_parser(open_page: Open, site: Server) -> None:
    page = open_page(
        url=f"{site.url}#/laboratory/membranes", block=("**/lark-*",), other_origins=(site.url,)
    )
    page.locator("echo-membrane-view").wait_for(timeout=BOOT_MS)
    own(page, GROWING)
    alert = page.locator("echo-source-editor").get_by_role("alert")
    expect(alert).to_contain_text("could not be fetched from this site", timeout=BOOT_MS)
    page.context.unroute("**/lark-*")
    page.get_by_role("button", name="Put it on the bench").click()
    expect(alert).to_be_empty(timeout=BOOT_MS)
    expect(page.locator("echo-rules")).to_contain_text("All rules (1)")


def test_what_is_saved_of_membranes(bench: Page, tmp_path: Path) -> None:
    run(bench)
    expect(state(bench)).to_contain_text("Halted")
    system = squares(seed=4)
    texts = [str(system.configuration)]
    while not system.step().halted:
        texts.append(str(system.configuration))
    name, data = saved(bench, "Save", "CSV", tmp_path)
    assert name == "square-numbers-trace.csv"
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [row["configuration"] for row in rows] == texts
    assert rows[-1]["result"] == "c*64"
    title = "Square numbers: The seed decides n; step 17"
    name, data = saved(bench, "Save", "SVG", tmp_path)
    assert name == "square-numbers-17.svg"
    drawn = "".join(check_svg(data, title).itertext())
    assert "×64" in drawn
    name, data = saved(bench, "Save", "PNG", tmp_path)
    check_png(data, title)
    name, data = saved(bench, "Save", "P-Lingua", tmp_path)
    assert name == "square-numbers.pli"
    own(bench, data.decode())
    run(bench)
    expect(state(bench)).to_contain_text("Halted after 17 steps")
    _, data = saved(bench, "Save", "JSON", tmp_path)
    assert json.loads(data)["state"]["configuration"]["step"] == 17
