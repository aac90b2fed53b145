"""Loading by either backend, as the chain does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from deep_tree_echo.backends.base import Backend
from deep_tree_echo.backends.chain import backend_class

BUDGET_MB = 600


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def load(
    backend: str, data: bytes, *, told: bool = True, size: int = 1 << 20, budget: Any = BUDGET_MB
) -> Backend:
    """Loads ``data`` in pieces of ``size``; ``told``: the loader knows how much will come."""
    loader = backend_class(backend).loader(
        name="bad.bin", size=len(data) if told else None, memory_limit_mb=budget
    )
    try:
        for piece in pieces(data, size):
            loader.push(piece)
        return loader.finish()
    finally:
        loader.close()


def is_one_sentence(text: str) -> bool:
    """One line that begins like a sentence or a name, ends with a full stop and has no second."""
    return (
        10 < len(text) < 300
        and text.isprintable()
        and re.search(r"[.!?]\s+[A-Z]", text) is None
        and text.endswith(".")
        and not text.startswith(("'", "("))
    )


def answers(backend: Backend) -> list[np.ndarray]:
    """What a loaded model says; equal lists mean that nothing has changed."""
    model: Any = backend.model  # type: ignore[attr-defined]
    logits, state = model.eval([1, 2, 3, 4, 5])
    return [logits, state.to_numpy(), model.eval([6], state)[0]]
