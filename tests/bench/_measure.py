"""Turns of several contestants, interleaved, and the file that keeps the figures."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"
CLOCKS = ("cpu", "wall")


@dataclass(frozen=True)
class Turn:
    """One contestant's work between two looks at the clocks."""

    tokens: int
    wall_ms: float
    cpu_ms: float

    def rate(self, clock: str) -> float:
        """Tokens a second of ``cpu`` or ``wall`` time."""
        return 1e3 * self.tokens / max(self.cpu_ms if clock == "cpu" else self.wall_ms, 1e-3)


Contestants = Mapping[str, Callable[[], Turn]]


def interleaved(contestants: Contestants, rounds: int, warm: int = 1) -> dict[str, list[Turn]]:
    """Lets all run in turn, A B A B; the first ``warm`` turns of each do not count."""
    turns: dict[str, list[Turn]] = {name: [] for name in contestants}
    for count in range(-warm, rounds):
        for name, run in contestants.items():
            turn = run()
            if count >= 0:
                turns[name].append(turn)
    return turns


def summary(turns: list[Turn]) -> dict[str, float]:
    """Tokens a second by median, least and most, for both clocks."""
    found = {}
    for clock in CLOCKS:
        rates = sorted(turn.rate(clock) for turn in turns)
        found |= {
            f"{clock}_median": statistics.median(rates),
            f"{clock}_min": rates[0],
            f"{clock}_max": rates[-1],
        }
    return found


def show(name: str, found: Mapping[str, float]) -> None:
    """Prints a contestant's line."""
    cells = [
        f"{clock} {found[f'{clock}_median']:8.1f} "
        f"({found[f'{clock}_min']:.1f} to {found[f'{clock}_max']:.1f})"
        for clock in CLOCKS
    ]
    print(f"  {name:28} tok/s  {'   '.join(cells)}", flush=True)


def keep(figures: Mapping[str, float]) -> None:
    """Puts figures into ``build/bench.json`` beside those of other benchmarks.

    With them go, by the name of the program that runs, the time as ``NAME_measured_at`` (seconds
    since 1970) and ``NAME_other_work``, the cores that something else keeps busy now that it ends.
    """
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    fresh = RESULTS.with_suffix(".new")
    program = Path(sys.argv[0]).stem
    stamps = {f"{program}_measured_at": time.time() // 1, f"{program}_other_work": other_work()}
    rounded = {name: round(value, 4) for name, value in (dict(figures) | stamps).items()}
    fresh.write_text(json.dumps(dict(sorted((known | rounded).items())), indent=1) + "\n")
    fresh.replace(RESULTS)


def other_work(seconds: float = 2.0) -> float:
    """Cores that are busy while this program waits, those that the host takes away included."""

    def busy_and_all() -> tuple[int, int]:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        times = [int(field) for field in fields]
        return sum(times) - times[3] - times[4], sum(times)

    before = busy_and_all()
    time.sleep(seconds)
    after = busy_and_all()
    return (os.cpu_count() or 1) * (after[0] - before[0]) / max(after[1] - before[1], 1)
