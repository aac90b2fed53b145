"""The first visit: an answer from the bundled model, and nothing that leaves the machine."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from scripts.serve import Server

from .conftest import BOOT_MS, Open, figures, say, wait_answer, wait_ready


def test_first_open_answers_with_the_bundled_model(open_page: Open) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          self.longest = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
              self.longest = Math.max(self.longest, entry.duration);
            }
          }).observe({ type: "longtask" });
        }"""
    )
    parts = re.compile(r"Python (✓|\d+\.\d of \d+\.\d MB)")
    expect(page.locator("#status")).to_contain_text(parts, timeout=BOOT_MS)
    # A message sent early waits in the thread.
    say(page, "Is my data private?")
    waiting = page.get_by_text("Waiting for the engine")
    expect(waiting).to_be_visible()
    assert wait_answer(page)
    expect(waiting).to_have_count(0)

    assert wait_ready(page) == "rwkv_cpp"
    expect(page.locator("[data-part=model]")).to_have_text("echo-1m-FP16.bin")
    line = figures(page)
    assert "rwkv_cpp · echo-1m-FP16.bin" in line
    assert re.search(r"\d tokens/s · first token after \d", line)
    assert "Not " not in line
    assert float(page.locator("[data-part=memory]").inner_text()) < 600
    assert int(page.locator("[data-part=context]").inner_text().replace(",", "")) > 20
    # The page itself was never busy for long, whatever the worker did.
    assert page.evaluate("self.longest") < 1000

    page.get_by_role("button", name="Every request this page has made").click()
    dialog = page.get_by_role("dialog", name="Every request this page has made")
    expect(dialog.get_by_text("/pyodide/pyodide.asm.wasm").first).to_be_visible()
    expect(dialog.get_by_text("/wheels/libecho-relaxed.so").first).to_be_visible()
    expect(dialog).to_contain_text("All of them fetched files of this site")


def test_the_frame_before_the_program_has_the_same_mark(open_page: Open, site: Server) -> None:
    page = open_page()
    mark = page.locator("h1 svg")
    mark.wait_for()
    drawn = [path.get_attribute("d") for path in mark.locator("path").all()]
    frame = page.request.get(site.url).text()
    assert drawn
    assert [path for path in drawn if f'd="{path}"' not in frame] == []


def test_python_that_cannot_be_fetched_is_one_sentence(open_page: Open) -> None:
    page = open_page(block=("**/pyodide.asm.wasm",))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(
        "pyodide/pyodide.asm.wasm could not be fetched from this site.", timeout=BOOT_MS
    )
    page.context.unroute_all()
    page.get_by_role("button", name="Restart the engine").click()
    assert wait_ready(page) == "rwkv_cpp"
