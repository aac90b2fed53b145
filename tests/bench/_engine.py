"""The engine's parts: ``python -m tests.bench._engine`` prints figures as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from deep_tree_echo import Chain, CognitiveContext, CognitiveEngine, Conversation, ModelFile
from deep_tree_echo.engine.activity import Echo
from deep_tree_echo.platform import bundled_model_path
from deep_tree_echo.sampling import SamplingSettings

WIDTH = 768
N_TOKENS = 200
ROUNDS = 7
# Nothing ends the answer, and nothing needs a character of several tokens.
SETTINGS = {"temperature": 1.0, "seed": 1, "bias": {0: -1e9}}


def main() -> None:
    """Measures all parts in turns and prints the medians."""
    chain = Chain.load(ModelFile.from_path(bundled_model_path()))
    settings = SamplingSettings(**SETTINGS)

    def conversation() -> None:
        for _ in Conversation(chain, settings=settings, max_tokens=N_TOKENS).say("Hello"):
            pass

    def engine(watch: tuple[str, ...] = ()) -> None:
        metadata = {"settings": SETTINGS, "max_tokens": N_TOKENS}
        for _ in CognitiveEngine(chain).process(
            CognitiveContext("s", "Hello", metadata=metadata), watch=watch
        ):
            pass

    echo, hidden = Echo(256), np.random.default_rng(1).normal(size=WIDTH).astype(np.float32)

    def hear() -> None:
        for _ in range(N_TOKENS):
            echo.hear(hidden)

    works: dict[str, Callable[[], object]] = {
        "conversation": conversation,
        "engine": engine,
        "watched": lambda: engine(("reservoir",)),
        "hear": hear,
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS + 2):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append((time.perf_counter() - start) / N_TOKENS * 1e6)
    found = {f"{name}_us": min(taken[2:]) for name, taken in times.items()}
    found["engine_over_conversation_us"] = statistics.median(
        a - b for a, b in zip(times["engine"][2:], times["conversation"][2:], strict=True)
    )
    chain.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
