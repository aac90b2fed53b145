"""Steps of membrane systems: ``python -m tests.bench._psystem`` prints microseconds as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import time

from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rules import divide, evolve, send_in, send_out
from deep_tree_echo.errors import LimitError

ROUNDS = 15
WARM_S = 3.0


def cycle(engine: str) -> PSystem:
    """Five membranes and 13 rules, most of them in competition, without an end."""
    rules = [
        evolve("1", "a", "", into={"2": "a"}),
        evolve("1", "a", "", into={"3": "b"}),
        evolve("1", "b*2", "a*2"),
        evolve("2", "a*2", "b", out="c"),
        evolve("2", "a*2", "c, b"),
        evolve("2", "b", "", into={"4": "d"}),
        evolve("2", "c", "", out="b"),
        evolve("3", "b", "c"),
        evolve("3", "c", "", out="a"),
        evolve("3", "c*2", "b", out="b"),
        evolve("4", "d", "", out="c"),
        send_out("5", "e", "a"),
        send_in("5", "c", "e"),
    ]
    return PSystem(
        "[[[]'4]'2 []'3 []'5]'1", {"1": "a*20, b*6", "2": "c*3"}, rules, seed=1, engine=engine
    )


def many(engine: str) -> PSystem:
    """1025 membranes by division, each then busy with three rules."""
    rules = [divide("2", f"d{{{i}}}", f"d{{{i + 1}}}, x", f"d{{{i + 1}}}, y") for i in range(10)]
    rules += [evolve("2", "x", "y"), evolve("2", "y", "x"), evolve("2", "x, y", "y, x")]
    system = PSystem("[[]'2]'1", {"2": "d{0}"}, rules, model="active", seed=1, engine=engine)
    for _ in range(10):
        system.step()
    return system


def microseconds(system: PSystem, steps: int) -> float:
    """The median time of a step, over some rounds."""
    times: list[float] = []
    began = time.perf_counter()
    # WebAssembly is compiled well only while it runs.
    while len(times) < ROUNDS or time.perf_counter() - began < WARM_S:
        # Processor time; inside Pyodide there is only the wall clock.
        start = time.process_time()
        before = system.steps
        # It never halts, and says so.
        with contextlib.suppress(LimitError):
            system.run(steps)
        assert system.steps == before + steps
        times.append((time.process_time() - start) / steps * 1e6)
    return statistics.median(times[-ROUNDS:])


def main() -> None:
    """Prints the figures."""
    found = {"step_us": microseconds(cycle("libecho"), 1000)}
    found["python_step_us"] = microseconds(cycle("python"), 10)
    found["many_us_a_membrane"] = microseconds(many("libecho"), 10) / 1024
    print(json.dumps(found))


if __name__ == "__main__":
    main()
