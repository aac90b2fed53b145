"""Loads damaged copies of a model and evaluates what loads; prints how each ended.

Run as a program by test_flips.py, so that a crash ends this process and not the tests.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
from deep_tree_echo.errors import EchoError

from tests.bad_input.files import good, tensor_offsets
from tests.bad_input.loading import is_one_sentence, load


def damaged(n: int) -> list[tuple[str, bytes]]:
    """Copies of the good file, most of them damaged where its structure is written down."""
    random = np.random.default_rng(11)
    data = good()
    offsets = tensor_offsets()
    copies = []
    for _ in range(n):
        kind = random.choice(["flip", "bytes", "cut", "remove", "insert"])
        at = int(random.choice(offsets[:-1]) + random.integers(0, 40))
        if random.random() < 0.2:
            at = int(random.integers(0, len(data)))
        if kind == "flip":
            bit = 1 << int(random.integers(8))
            copy = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        elif kind == "bytes":
            noise = random.bytes(4)
            copy = data[:at] + noise + data[at + 4 :]
        elif kind == "cut":
            copy = data[:at]
        elif kind == "remove":
            copy = data[:at] + data[at + int(random.integers(1, 64)) :]
        else:
            copy = data[:at] + random.bytes(int(random.integers(1, 64))) + data[at:]
        copies.append((f"{kind} at {at}", copy))
    return copies


def outcome(backend: str, data: bytes, told: bool) -> str:
    try:
        loaded = load(backend, data, told=told, size=4096)
    except EchoError as error:
        if not is_one_sentence(str(error)):
            raise AssertionError(f"no sentence: {error}") from error
        return type(error).__name__
    model = loaded.model  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        logits, state = model.eval([1, 2, 3])
        model.eval([4], state)
    loaded.close()
    return "loaded" if np.isfinite(logits).all() else "loaded, not finite"


def run(backend: str, n: int) -> Counter[str]:
    """Every copy, with and without its size told. Says which one it is at, in case it crashes."""
    counts: Counter[str] = Counter()
    for what, data in damaged(n):
        for told in (True, False):
            print(f"{backend}: {what}, size {'known' if told else 'unknown'}", flush=True)
            counts[outcome(backend, data, told)] += 1
    return counts


if __name__ == "__main__":
    print(dict(run(sys.argv[1], int(sys.argv[2]))))
