"""What adaptation costs a token at the sizes of 0.1B: prints microseconds as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
import time

import numpy as np
from deep_tree_echo.adaptation import AdaptationSettings
from deep_tree_echo.adaptation.learner import Learner
from deep_tree_echo.adaptation.senses import Senses

N_VOCAB, N_EMBED = 65536, 768
LEARNED = 1500
ROUNDS = 400
WARM_S = 3.0


def main() -> None:
    """Prints the medians: of a token of an answer, and of one of the user's text."""
    drawn = np.random.default_rng(1)
    settings = AdaptationSettings()
    senses = Senses(N_EMBED, settings)
    learner = Learner(N_VOCAB, senses, settings)
    logits = 3 * drawn.standard_normal((8, N_VOCAB)).astype(np.float32)
    hidden = drawn.standard_normal((64, N_EMBED)).astype(np.float32)
    tokens = (drawn.zipf(1.3, 100_000) % N_VOCAB).tolist()
    sensed = senses.sense(hidden[0], None)
    answering: list[float] = []
    learning: list[float] = []
    began = time.perf_counter()
    for count, token in enumerate(tokens):
        start = time.process_time()
        sensed = senses.sense(hidden[count % len(hidden)], sensed.echo)
        expected = learner.expect(logits[count % len(logits)], sensed)
        if expected is not None:
            expected.adjusted(learner.slots.tokens)
        answered = time.process_time()
        learner.learn(expected, sensed, token)
        answering.append(answered - start)
        learning.append(time.process_time() - start)
        if count > LEARNED + ROUNDS and time.perf_counter() - began > WARM_S:
            break
    found = {
        "answer_us": 1e6 * statistics.median(answering[-ROUNDS:]),
        "text_us": 1e6 * statistics.median(learning[-ROUNDS:]),
        "tokens_seen": len(learner.slots.tokens),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
