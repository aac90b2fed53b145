"""A long text: speed at token 100,000 against token 100, and what the heap grows in between.

The bundled model in the browser. Speed is the median of windows; the two places are compared in
turn, from the states kept there. How they compared when they were passed, minutes apart, stands
beside it: that also tells what else the machine did.
"""

from __future__ import annotations

import contextlib

from deep_tree_echo.platform import bundled_model_path

from tests.bench._browser import (
    Chromium,
    bench_site,
    ours_in_browser,
    serving,
    sync_playwright,
)
from tests.bench._measure import Turn, interleaved, keep, show, summary

BUNDLED = bundled_model_path()
NEAR, FAR = 100, 100_000
WINDOW, WINDOWS = 500, 9
WARM = 5000
STEP = 4950


def decode(page: Chromium, count: int, begin: str, end: str | None = None) -> Turn:
    """Goes on from a place by so many tokens."""
    request = {"do": "decode", "count": count, "from": begin, "to": end}
    return page.turn(count, "time", request)


def windows(page: Chromium) -> tuple[dict[str, list[Turn]], int]:
    """The turns at both places and in turn, and what the heap grew by on the way."""
    # The engine compiles what runs often once more; that is not what is asked here.
    decode(page, WARM, "warm")
    decode(page, NEAR, "here")
    # A place is a value: reading on from it does not change it.
    decode(page, 1, "here", "near")
    near = [decode(page, WINDOW, "here") for _ in range(WINDOWS)]
    heap = page.call("heap")
    for _ in range((FAR - NEAR - WINDOW * WINDOWS) // STEP + 1):
        decode(page, STEP, "here")
    decode(page, 1, "here", "far")
    far = [decode(page, WINDOW, "here") for _ in range(WINDOWS)]
    grown = page.call("heap") - heap
    both = {name: lambda name=name: decode(page, WINDOW, name, "on") for name in ("near", "far")}
    again = interleaved(both, WINDOWS)
    turns = {"near": near, "far": far, "near_again": again["near"], "far_again": again["far"]}
    return turns, grown


def main() -> None:
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        url = stack.enter_context(serving(bench_site(BUNDLED)))
        page = stack.enter_context(ours_in_browser(playwright, url, BUNDLED))
        rates, grown = windows(page)
    figures: dict[str, float] = {}
    for name, turns in rates.items():
        found = summary(turns)
        show(f"{name} (token {FAR if 'far' in name else NEAR})", found)
        figures |= {f"long_{name}_{part}": value for part, value in found.items()}
    for key, names in (("", ("far_again", "near_again")), ("_in_passing", ("far", "near"))):
        for clock, ending in (("cpu", ""), ("wall", "_wall")):
            top, bottom = (figures[f"long_{name}_{clock}_median"] for name in names)
            figures[f"decode_100k_vs_100{key}{ending}"] = top / bottom
    figures["heap_growth_100k_bytes"] = grown
    print(
        f"  {figures['decode_100k_vs_100']:.3f} in turn, "
        f"{figures['decode_100k_vs_100_in_passing']:.3f} in passing; the heap grew by {grown} bytes"
    )
    keep(figures)


if __name__ == "__main__":
    main()
