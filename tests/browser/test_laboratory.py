"""The laboratory in a browser: what is stepped, typed, measured and saved there."""

from __future__ import annotations

import csv
import io
import json
import struct
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest
from deep_tree_echo.dtesn.methods import METHODS
from deep_tree_echo.laboratory.systems import squares
from playwright.sync_api import Locator, Page, Route, expect

from scripts.serve import Server

from .conftest import BOOT_MS, DESK, Open, say, wait_answer, wait_ready
from .test_look import PHONE, Scheme, assert_accessible, focused, shoot, tab_to

GROWING = "@model<transition>\ndef main() { @mu = []'1; @ms(1) = a; [a --> a*2]'1; }"
WRONG = "@model<transition>\ndef main() {\n  @mu = []'1;\n  [a -> b]'1;\n}"
SVG = "{http://www.w3.org/2000/svg}"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def go(page: Page, section: str) -> None:
    """Goes to a section and waits for what it shows first."""
    page.evaluate(f"location.hash = '#/laboratory/{section}'")
    first = {"membranes": "echo-membrane-view", "trees": "echo-tree-gallery"}[section]
    page.locator(first).wait_for(timeout=BOOT_MS)


@pytest.fixture
def bench(ready_page: Page) -> Page:
    """The module's page at square numbers, at the start."""
    page = ready_page
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    go(page, "membranes")
    page.get_by_role("button", name="Square numbers").click()
    expect(state(page)).to_contain_text("At the start")
    return page


@pytest.fixture
def trees(ready_page: Page) -> Page:
    """The module's page at the trees of the classical method."""
    page = ready_page
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    go(page, "trees")
    page.get_by_label("Runge-Kutta method").select_option("classical 4")
    page.get_by_role("button", name="4th order").click()
    return page


def state(page: Page) -> Locator:
    return page.locator("echo-lab-membranes .state")


def step(page: Page) -> None:
    page.get_by_role("button", name="Step", exact=True).click()


def run(page: Page) -> None:
    page.get_by_role("button", name="Run to the end").click()


def saved(page: Page, group: str, button: str, tmp_path: Path) -> tuple[str, bytes]:
    """The name and the bytes of a file that is saved."""
    with page.expect_download() as waiting:
        page.get_by_role("group", name=group, exact=True).get_by_role(
            "button", name=button, exact=True
        ).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path.name, path.read_bytes()


def check_svg(data: bytes, title: str) -> ET.Element:
    """A drawing that stands for itself: background, title, source, no need of a style sheet."""
    root = ET.fromstring(data)
    assert root.tag == f"{SVG}svg"
    assert title in (root.findtext(f"{SVG}title") or "")
    assert b"dc:source" in data
    assert b"Deep Tree Echo" in data
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill", "").startswith("#")
    assert not [node for node in root.iter() if node.get("class") or node.get("style")]
    assert b"color(" not in data
    assert b"var(" not in data
    return root


def check_png(data: bytes, title: str) -> None:
    """A sound PNG with its title and source as texts."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    texts, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert zlib.crc32(kind + body) == checksum
        if kind == b"iTXt":
            key, _, rest = body.partition(b"\0")
            texts[key.decode()] = rest[4:].decode()
        at += 12 + length
    assert title in texts["Title"]
    assert "Deep Tree Echo" in texts["Source"]
    assert texts["Description"]


# ---------------------------------------------------------------------- opening


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
    page.locator("echo-membrane-view").wait_for(timeout=BOOT_MS)
    assert focused(page) == "Membranes"
    page.get_by_role("link", name="Trees").click()
    expect(page.get_by_role("heading", name="Trees", exact=True)).to_be_visible()
    page.get_by_role("link", name="Chat").click()
    assert page.evaluate("location.hash") == place
    expect(page.get_by_role("article", name="Answer")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Trees", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("heading", name="A language model lives in this page")).to_be_visible()


# -------------------------------------------------------------------- membranes


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


# ------------------------------------------------------------------------ trees


def test_the_gallery_of_trees(trees: Page) -> None:
    for order, count in enumerate((1, 1, 2, 4, 9, 20, 48, 115)):
        trees.get_by_role("group", name="Orders").get_by_role("button").nth(order).click()
        expect(trees.locator("echo-tree-gallery .trees button")).to_have_count(count)
    trees.get_by_role("button", name="4th order").click()
    trees.get_by_role("button", name="f″(f′f, f), the tree [[•],•], its condition holds").click()
    facts = trees.locator("echo-tree-gallery dl")
    expect(facts).to_contain_text("density γ\n            8")
    for text in ("f″(f′f, f)", "1/8"):
        expect(facts).to_contain_text(text)


def measured_slope(page: Page, order: int) -> float:
    """The slope below the plot, once it is measured for a method of this order."""
    slope = page.locator("echo-convergence .slope")
    expect(slope).to_contain_text(f"the trees say order {order}.", timeout=60_000)
    return float(slope.locator("b").inner_text())


@pytest.mark.parametrize("method", [METHODS[0], METHODS[5], METHODS[10]], ids=lambda m: m.name)
def test_order_and_slope_of_a_method(method: object, trees: Page) -> None:
    name: str = method.name  # type: ignore[attr-defined]
    order: int = method.order_of_accuracy()  # type: ignore[attr-defined]
    trees.get_by_label("Runge-Kutta method").select_option(name)
    expect(trees.locator("echo-lab-trees .verdict").first).to_contain_text(f"order {order}")
    expect(trees.locator("echo-lab-trees .orders .whole")).to_have_count(order)
    assert measured_slope(trees, order) == pytest.approx(order, abs=0.1)


def test_an_own_tableau(trees: Page) -> None:
    trees.get_by_label("Runge-Kutta method").select_option("midpoint")
    trees.get_by_role("button", name="Change it").click()
    verdict = trees.locator("echo-lab-trees .verdict").first
    expect(verdict).to_contain_text("Own method: 2 stages, explicit, order 2.")
    trees.get_by_label("b, column 1").fill("1/x")
    expect(verdict).to_have_text("b in column 1 is '1/x'; write a number such as 1/3, -2 or 0.25.")
    trees.get_by_label("b, column 1").fill("1/4")
    expect(verdict).to_contain_text("order 0")
    trees.get_by_label("b, column 2").fill("0.75")
    trees.get_by_label("a, row 2, column 1").fill("2/3")
    expect(verdict).to_contain_text("order 2")
    assert measured_slope(trees, 2) == pytest.approx(2, abs=0.1)
    trees.get_by_role("button", name="Add a stage").click()
    expect(verdict).to_contain_text("3 stages")
    trees.get_by_role("button", name="Remove the last").click()
    trees.get_by_role("button", name="Remove the last").click()
    trees.get_by_label("implicit").check()
    trees.get_by_label("a, row 1, column 1").fill("1/2")
    trees.get_by_label("b, column 1").fill("1")
    expect(verdict).to_contain_text("1 stage, implicit, order 2.")
    expect(trees.locator("echo-convergence .slope")).to_contain_text("The method is implicit")


def test_what_is_saved_of_trees(trees: Page, tmp_path: Path) -> None:
    trees.get_by_role("button", name="5th order").click()
    expect(trees.locator("echo-convergence .slope b")).to_be_visible(timeout=60_000)
    name, data = saved(trees, "Save the trees", "CSV", tmp_path)
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert len(rows) == 200
    assert [row["holds"] for row in rows[:8]] == ["yes"] * 8
    assert {row["holds"] for row in rows if row["order"] == "5"} == {"no"}
    assert rows[8]["coefficient of classical 4"] == "0"
    title = "Rooted trees of order 5, weighed by classical 4"
    name, data = saved(trees, "Save the trees", "SVG", tmp_path)
    assert name == "trees-of-order-5-classical-4.svg"
    root = check_svg(data, title)
    assert len(list(root.iter(f"{SVG}circle"))) == 9 * 5
    check_png(saved(trees, "Save the trees", "PNG", tmp_path)[1], title)
    title = "Error of classical 4 on a reservoir of two neurons"
    check_svg(saved(trees, "Save the measurement", "SVG", tmp_path)[1], title)
    check_png(saved(trees, "Save the measurement", "PNG", tmp_path)[1], title)
    _, data = saved(trees, "Save the measurement", "CSV", tmp_path)
    points = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert len(points) == 15
    assert float(points[-1]["error"]) < float(points[0]["error"])


# ------------------------------------------------------------------- everybody


@pytest.mark.parametrize(
    ("section", "title"),
    [("membranes", "Membrane systems"), ("trees", "Rooted trees and B-series")],
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
