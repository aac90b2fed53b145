"""The laboratory's reservoirs in a browser: built, trained, compared, replayed and saved."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo.laboratory.reservoir import Workbench
from playwright.sync_api import Locator, Page, expect

from .bench import SVG, WIDE, check_png, check_svg, go, saved
from .conftest import BOOT_MS, DESK
from .test_look import PHONE, Scheme, assert_accessible, shoot, tab_to


@pytest.fixture
def bench(ready_page: Page) -> Page:
    """The module's page at a reservoir of 100 units."""
    page = ready_page
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    go(page, "reservoir")
    number(page, "Units", "100")
    number(page, "Spectral radius ρ", "0.9")
    page.get_by_label("Activation f").select_option("tanh")
    task(page, "Mackey-Glass")
    page.get_by_label("Output").select_option("some steps ahead")
    number(page, "Steps ahead", "84")
    number(page, "Steps in all", "1200")
    page.get_by_label("Readout").select_option("ridge regression")
    expect(facts(page)).to_contain_text("1,000 connections", timeout=BOOT_MS)
    return page


def number(page: Page, label: str, value: str) -> None:
    field = page.get_by_role("spinbutton", name=label, exact=True)
    field.fill(value)
    field.press("Tab")


def task(page: Page, name: str) -> None:
    page.get_by_role("group", name="Task").get_by_role("button", name=name).click()


def facts(page: Page) -> Locator:
    return page.locator("echo-lab-reservoir .facts")


def error(page: Page) -> Locator:
    return page.locator("echo-prediction dd").first


def train(page: Page) -> float:
    """The error that is shown after another training."""
    page.get_by_role("button", name="Train it").click()
    page.get_by_role("button", name="Train it").wait_for(timeout=BOOT_MS)
    page.locator("echo-prediction").wait_for()
    found = re.match(r"\s*([\d.e-]+)", error(page).inner_text())
    assert found
    return float(found[1])


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))


SETTINGS = {
    "size": 100,
    "spectral_radius": 0.9,
    "leak_rate": 0.5,
    "density": 0.1,
    "input_scaling": 0.3,
    "recurrent": "uniform",
    "activation": "tanh",
    "seed": 1,
}


def test_what_the_page_shows_is_what_the_package_computes(bench: Page, tmp_path: Path):
    shown = train(bench)
    own = Workbench()
    own.build(SETTINGS)
    own.take("mackey-glass", steps=1200, seed=1, horizon=84)
    total = own.start()["total"]
    while own.advance()["done"] < total:
        pass
    expected = own.finish()
    assert shown == pytest.approx(expected["nrmse"], abs=0.005)
    name, data = saved(bench, "Save the prediction", "CSV", tmp_path)
    rows = table(data)
    assert name == "mackey-glass-84-steps-ahead.csv"
    assert rows[0] == ["step", "x", "x predicted"]
    values = np.array(rows[1:], dtype=float)
    assert values[0, 0] == expected["first"] + 1
    np.testing.assert_allclose(values[:, 1], expected["truth"][:, 0], atol=1e-12)
    # Rounding differs between machines, and 84 steps of chaos let it grow a little.
    np.testing.assert_allclose(values[:, 2], expected["output"][:, 0], atol=1e-4)


def test_the_spectrum_follows_the_slider(bench: Page, tmp_path: Path):
    def moduli() -> np.ndarray:
        rows = table(saved(bench, "Save the spectrum", "CSV", tmp_path)[1])
        return np.hypot(*np.array(rows[1:], dtype=float).T)

    before = moduli()
    assert len(before) == 100
    assert before.max() == pytest.approx(0.9, abs=1e-5)
    bench.get_by_role("slider", name=re.compile("Spectral radius")).fill("0.45")
    expect(facts(bench)).to_contain_text("spectral radius 0.450")
    np.testing.assert_allclose(np.sort(moduli()), np.sort(before) / 2, atol=1e-5)
    outside = bench.locator("echo-spectrum circle.outside")
    expect(outside).to_have_count(0)
    number(bench, "Spectral radius ρ", "1.3")
    expect(outside.first).to_be_attached()
    bench.get_by_role("button", name="with the leak").click()
    expect(bench.get_by_role("button", name="with the leak")).to_have_attribute(
        "aria-pressed", "true"
    )
    check_svg(saved(bench, "Save the spectrum", "SVG", tmp_path)[1], "Spectrum")


def test_many_units_have_a_radius_and_no_spectrum(bench: Page):
    number(bench, "Units", "500")
    expect(bench.locator("echo-lab-reservoir")).to_contain_text(
        "All eigenvalues of 500 units take too long", timeout=BOOT_MS
    )
    number(bench, "Units", "100")
    expect(bench.locator("echo-spectrum")).to_be_visible()


def test_a_setting_that_cannot_be_is_said_and_the_reservoir_stays(bench: Page):
    number(bench, "Leak rate a", "1.5")
    expect(bench.locator("echo-lab-reservoir").get_by_role("alert")).to_contain_text("leak_rate")
    expect(facts(bench)).to_contain_text("1,000 connections")
    number(bench, "Leak rate a", "0.5")
    expect(bench.locator("echo-lab-reservoir").get_by_role("alert")).to_have_count(0)


def test_two_results_are_compared_and_another_series_begins_anew(bench: Page):
    first = train(bench)
    number(bench, "Spectral radius ρ", "0.3")
    train(bench)
    expect(error(bench)).to_contain_text(f"before: {first:.2f}"[:11])
    legend = bench.locator("echo-prediction echo-chart .name")
    assert legend.all_text_contents() == ["prediction", "before", "truth"]
    number(bench, "Steps in all", "1300")
    train(bench)
    assert legend.all_text_contents() == ["prediction", "truth"]


def test_lorenz_runs_freely_with_a_valid_time(bench: Page):
    task(bench, "Lorenz")
    bench.get_by_label("Output").select_option("running freely")
    number(bench, "Steps in all", "2000")
    train(bench)
    expect(bench.locator("echo-prediction")).to_contain_text("Lyapunov times")
    group = bench.get_by_role("group", name="Variable")
    group.get_by_role("button", name="z").click()
    expect(bench.locator("echo-prediction echo-chart")).to_contain_text("z (units of the series)")


def test_narma_has_no_horizon(bench: Page):
    task(bench, "NARMA-10")
    expect(bench.get_by_role("spinbutton", name="Steps ahead")).to_have_count(0)
    assert train(bench) < 1.0


def test_an_own_csv(bench: Page, tmp_path: Path):
    task(bench, "Your own CSV")
    button = bench.get_by_role("button", name="Train it")
    file = tmp_path / "tide.csv"
    lines = [f"day {i};{np.sin(i / 6):.5f};{np.cos(i / 4):.5f}" for i in range(600)]
    file.write_text("\n".join(["day;north;south", *lines[:41], "day;0,5;wet", *lines[41:]]))
    own = bench.locator("echo-task-form")
    own.locator("input[type=file]").set_input_files(file)
    alert = own.get_by_role("alert")
    # The first lines have points where a file with semicolons has commas; both are numbers.
    expect(alert).to_contain_text("line 43, column 3 is 'wet'; it must be a number.")
    file.write_text("\n".join(["day;north;south", *lines]))
    own.locator("input[type=file]").set_input_files([])
    own.locator("input[type=file]").set_input_files(file)
    expect(alert).to_have_count(0)
    expect(own.get_by_role("checkbox", name="south")).to_be_checked()
    own.get_by_role("checkbox", name="north").check()
    expect(button).to_be_enabled()
    assert train(bench) < 0.1
    group = bench.get_by_role("group", name="Variable")
    assert group.get_by_role("button").all_inner_texts() == ["north", "south"]
    own.get_by_role("checkbox", name="north").uncheck()
    own.get_by_role("checkbox", name="south").uncheck()
    button.click()
    expect(bench.locator("echo-lab-reservoir .go")).to_contain_text("no column is chosen")


def test_learning_is_stopped_and_begun_again(bench: Page):
    number(bench, "Units", "800")
    number(bench, "Steps in all", "20000")
    bench.get_by_role("button", name="Train it").click()
    progress = bench.locator("echo-lab-reservoir progress")
    expect(progress).to_be_visible()
    bench.get_by_role("button", name="Stop", exact=True).click()
    bench.get_by_role("button", name="Train it").wait_for(timeout=BOOT_MS)
    number(bench, "Units", "100")
    number(bench, "Steps in all", "1200")
    assert train(bench) < 1.0


def test_states_that_grow_without_bounds_are_said(bench: Page):
    bench.get_by_label("Activation f").select_option("identity")
    number(bench, "Spectral radius ρ", "10")
    bench.get_by_role("button", name="Train it").click()
    expect(bench.locator("echo-lab-reservoir .go .warning")).to_contain_text(
        "finite", timeout=BOOT_MS
    )


def test_the_activity_is_replayed(bench: Page, tmp_path: Path):
    train(bench)
    view = bench.locator("echo-activity")
    slider = view.get_by_role("slider", name="Step")
    assert slider.input_value() == slider.get_attribute("max") == "399"
    view.get_by_role("button", name="One step back").click()
    assert slider.input_value() == "398"
    slider.fill("0")
    view.get_by_role("button", name="Play").click()
    expect(view.get_by_role("button", name="Pause")).to_be_visible()
    expect(slider).not_to_have_value("0")
    view.get_by_role("button", name="Pause").click()
    here = slider.input_value()
    bench.wait_for_timeout(200)
    assert slider.input_value() == here
    rows = table(saved(bench, "Save the trajectory", "CSV", tmp_path)[1])
    assert (len(rows), len(rows[0])) == (401, 101)
    # 840 steps are learned from, of which the last 84 are only looked forward to.
    assert (rows[1][0], rows[-1][0]) == ("357", "756")
    check_svg(saved(bench, "Save the trajectory", "SVG", tmp_path)[1], "reservoir")
    check_png(saved(bench, "Save the trajectory", "PNG", tmp_path)[1], "reservoir")
    drawn = check_svg(saved(bench, "Save the map", "SVG", tmp_path)[1], "activity")
    picture = drawn.find(f".//{SVG}image")
    assert picture is not None
    assert picture.get("href", "").startswith("data:image/png;base64,")
    check_png(saved(bench, "Save the map", "PNG", tmp_path)[1], "activity")


def test_the_keyboard_alone_trains_and_replays(bench: Page):
    bench.locator("echo-laboratory h2").focus()
    tab_to(bench, "Train it")
    bench.keyboard.press("Enter")
    bench.locator("echo-activity").wait_for(timeout=BOOT_MS)
    tab_to(bench, "Play")
    bench.keyboard.press("Enter")
    expect(bench.locator("echo-activity").get_by_role("button", name="Pause")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_right_and_nothing_is_found_by_axe(bench: Page, scheme: Scheme):
    train(bench)
    bench.emulate_media(color_scheme=scheme)
    assert_accessible(bench)
    shoot(bench, f"laboratory-reservoir-{scheme}")
    bench.set_viewport_size(PHONE)
    assert not bench.evaluate(WIDE)
    assert_accessible(bench)
    shoot(bench, f"laboratory-reservoir-phone-{scheme}")
