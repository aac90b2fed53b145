"""Rounds of several contestants, interleaved, and the file that keeps the figures."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"

Times = list[tuple[float, float]]
"""Milliseconds of wall time and of processor time, one pair a token."""


def lines_of(*command: str | Path) -> Times:
    """Run a program that prints two numbers a line."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in done.stdout.splitlines()]
    return [(float(pair[0]), float(pair[1])) for pair in pairs if len(pair) == 2]


def rounds(
    contestants: Mapping[str, Callable[[], Times]], count: int, warm: int
) -> dict[str, Times]:
    """Let all run in turn, ``count`` times: A B A B. The first tokens of each turn do not count."""
    times: dict[str, Times] = {name: [] for name in contestants}
    for _ in range(count):
        for name, run in contestants.items():
            times[name] += run()[warm:]
    return times


def summary(times: Times) -> dict[str, float]:
    """Tokens a second by median, least and most, for wall and processor time."""
    found = {}
    for index, clock in enumerate(("wall", "cpu")):
        rates = sorted(1e3 / max(pair[index], 1e-3) for pair in times)
        found[f"{clock}_median"] = statistics.median(rates)
        found[f"{clock}_min"], found[f"{clock}_max"] = rates[0], rates[-1]
    return found


def keep(figures: Mapping[str, float]) -> None:
    """Put figures into ``build/bench.json`` beside those of other benchmarks."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    fresh = RESULTS.with_suffix(".new")
    rounded = {name: round(value, 4) for name, value in figures.items()}
    fresh.write_text(json.dumps(dict(sorted((known | rounded).items())), indent=1) + "\n")
    fresh.replace(RESULTS)
