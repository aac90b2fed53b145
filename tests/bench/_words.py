"""What recording the words of an answer takes: ``python -m tests.bench._words`` prints JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence

import numpy as np
from deep_tree_echo.events import Token
from deep_tree_echo.generation import Reading
from deep_tree_echo.words import Record

from tests.bench._cpu import seconds

N_VOCAB, N_EMBED, STATE = 65536, 768, 12 * 768 * 66
N_TOKENS = 1000
ROUNDS = 9


class _Model:
    """The sizes of 0.1B, and nothing behind them."""

    def __init__(self) -> None:
        self.rows = np.random.default_rng(2).normal(size=(8, N_EMBED)).astype(np.float32)
        self.at = 0

    def hidden(self) -> np.ndarray:
        self.at += 1
        return self.rows[self.at % 8].copy()

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        return b"word"


def main() -> None:
    """Prints the median of some rounds, in microseconds a token."""
    random = np.random.default_rng(1)
    logits = [random.normal(0, 3, N_VOCAB).astype(np.float32) for _ in range(8)]
    chosen = [int(np.argsort(-values)[2]) for values in logits]
    readings = [Reading(np.empty(STATE, np.float32), values) for values in logits]
    times = []
    for _ in range(ROUNDS):
        record = Record(most_states=3)
        record.start(_Model())  # type: ignore[arg-type]
        start = seconds()
        for index in range(N_TOKENS):
            n = index % 8
            record.adjust(logits[n])
            record.accept(chosen[n], readings[n])
            word = record.word(Token("word", chosen[n], 0.1, index))
            assert word is not None
            word.to_json()
        times.append((seconds() - start) / N_TOKENS * 1e6)
    found = {"record_us": statistics.median(times[2:]), "record_us_min": min(times)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
