"""Would a pool of workers pay? The products of a token, by one worker and by two.

Two workers share the rows of every product and meet before and after it, either spinning or
sleeping in ``Atomics.wait``; once with the machine left alone and once with one busy process for
every core but one. The rule of the project: a pool only if two workers win by 1.3 and never lose
when a core is taken away.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.bench._browser import Chromium, bench_site, serving, sync_playwright
from tests.bench._measure import interleaved, keep, show, summary

TOKENS, ROUNDS = 12, 7
WAYS = {"one": (1, 0), "two_spinning": (2, 0), "two_sleeping": (2, 1)}


@contextlib.contextmanager
def one_core_left() -> Iterator[None]:
    """Processes that keep all cores but one busy."""
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range((os.cpu_count() or 2) - 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    figures: dict[str, float] = {}
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        url = stack.enter_context(serving(bench_site()))
        page = stack.enter_context(Chromium(playwright, f"{url}threads.html"))
        page.page.wait_for_function("globalThis.bench")
        contestants = {
            name: lambda way=way: page.turn(TOKENS, "decode", TOKENS, *way)
            for name, way in WAYS.items()
        }
        for name, load in (("", contextlib.nullcontext()), ("_busy", one_core_left())):
            print(f"two workers{name.replace('_', ', one core taken: ')}", flush=True)
            with load:
                turns = interleaved(contestants, ROUNDS)
            found = {way: summary(made) for way, made in turns.items()}
            for way, rates in found.items():
                show(way, rates)
                figures |= {f"threads_{way}{name}_{part}": rates[part] for part in rates}
            for way in ("two_spinning", "two_sleeping"):
                gains = [
                    two.rate("wall") / one.rate("wall")
                    for two, one in zip(turns[way], turns["one"], strict=True)
                ]
                figures[f"threads_{way}_vs_one{name}"] = statistics.median(gains)
                figures[f"threads_{way}_vs_one{name}_min"] = min(gains)
                middle, least = statistics.median(gains), min(gains)
                print(f"  {way} / one{name}: {middle:.2f}, least {least:.2f}")
    keep(figures)


if __name__ == "__main__":
    main()
