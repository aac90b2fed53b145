"""Trees and methods in the laboratory: weighed, typed, measured, saved."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from deep_tree_echo.dtesn.methods import METHODS
from playwright.sync_api import Page, expect

from .bench import SVG, check_png, check_svg, go, saved
from .conftest import DESK


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
