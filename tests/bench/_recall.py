"""The part of ``recall.py`` that runs natively and inside Pyodide: prints its figures."""

from __future__ import annotations

import json
import random
import statistics

import numpy as np
from deep_tree_echo import Model
from deep_tree_echo.database import open_database
from deep_tree_echo.membranes.memory import Lexicon, MemoryMembrane, StateEncoder
from numpy.typing import NDArray

from tests.bench._cpu import seconds

COUNT = 10_000
WORDS = 12  # of a memory, drawn by Zipf's law
ASKED = 8
QUERIES = 40


class Encoder(StateEncoder):
    """Draws what is stored, for reading 10,000 texts would take minutes; reads what is asked."""

    fast = True
    random = np.random.default_rng(1)

    def encode(self, text: str) -> NDArray[np.float32]:
        if self.fast:
            return self.random.normal(size=256).astype(np.float32)
        return super().encode(text)


def main() -> None:
    """Prints the figures, in processor time; ``reading`` is the query's, by the bundled model."""
    words = list(Lexicon.bundled().index)
    weights = [1 / (place + 10) for place in range(len(words))]
    draw = random.Random(1)

    def text(count: int) -> str:
        return " ".join(draw.choices(words, weights, k=count))

    encoder = Encoder(Model.load())
    memory = MemoryMembrane(open_database(None), encoder=encoder)
    start = seconds()
    with memory._memories.table.database.transaction():
        for number in range(COUNT):
            memory.store(f"{text(WORDS)} {number}")
    stored = seconds() - start
    encoder.fast = False
    memory._memories.use(encoder)
    start = seconds()
    memory.recall(text(ASKED))
    opened = seconds() - start
    times, reading = [], []
    for _ in range(QUERIES):
        query = text(ASKED)
        start = seconds()
        memory.recall(query)
        times.append(1e3 * (seconds() - start))
        start = seconds()
        encoder.encode(query)
        reading.append(1e3 * (seconds() - start))
    print(
        json.dumps(
            {
                "10000_ms": statistics.median(times),
                "10000_most_ms": max(times),
                "10000_least_ms": min(times),
                "10000_reading_ms": statistics.median(reading),
                "open_10000_ms": 1e3 * opened,
                "store_us": 1e6 * stored / COUNT,
            }
        )
    )


if __name__ == "__main__":
    main()
