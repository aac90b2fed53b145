"""Branching: from a stored state to the first new token, at 0.1B, natively and in Chromium.

What is timed is what each candidate of the reasoning membrane begins with, and what a click on an
earlier place of a talk leads to: a generation is made from a kept `Reading`, draws a token, feeds
it and gives its event. The state it begins from stays as it was.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Callable

from tests.bench._browser import bench_site, ours_in_browser, serving, sync_playwright
from tests.bench._measure import CLOCKS, Turn, interleaved, keep
from tests.bench._models import SMALL, models
from tests.bench._process import Process

ROUNDS = 40
WARM = 5
FIRST = {"do": "decode", "count": 1, "from": "kept", "to": "on"}
BEFORE = {"do": "decode", "count": 64, "to": "kept"}


def main() -> None:
    """Measures A B A B and keeps the figures."""
    pair = models(SMALL, "Q8_0")
    with contextlib.ExitStack() as stack:
        native = stack.enter_context(
            Process(sys.executable, "-m", "tests.bench._libecho", pair.bin)
        )
        playwright = stack.enter_context(sync_playwright())
        url = stack.enter_context(serving(bench_site(pair.bin)))
        page = stack.enter_context(ours_in_browser(playwright, url, pair.bin))
        native.ask(**BEFORE)
        page.call("ask", BEFORE)
        ways: dict[str, Callable[[], Turn]] = {
            "native": lambda: native.turn(1, **FIRST),
            "wasm": lambda: page.turn(1, "time", FIRST),
        }
        turns = interleaved(ways, ROUNDS, WARM)
    figures: dict[str, float] = {}
    for name, found in turns.items():
        for clock in CLOCKS:
            times = sorted(1e3 / turn.rate(clock) for turn in found)
            stem = f"branch_first_token_{name}_{clock}"
            figures |= {
                f"{stem}_ms": statistics.median(times),
                f"{stem}_ms_min": times[0],
                f"{stem}_ms_max": times[-1],
            }
            middle, least, most = statistics.median(times), times[0], times[-1]
            print(f"  {name:8} {clock:5} {middle:7.2f} ms ({least:.2f} to {most:.2f})", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
