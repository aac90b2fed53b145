"""A reservoir that echoes an answer: each token's hidden state drives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from . import events

if TYPE_CHECKING:
    from ..dtesn.reservoir import Reservoir
    from ..generation import LanguageModel, Reading

__all__ = ["Echo"]

SHOWN = 64
"""Units in an `Activity` event."""
_SECONDS = 0.1


class Echo:
    """The reservoir of one session. As guidance it changes nothing; it only listens.

    It is the one of `dtesn.listening`. The text of a prompt does not drive it, for that is read in
    pieces.

    Parameters
    ----------
    size : int
        Units.
    clock : callable
        Gives seconds; only differences matter.
    """

    name = "reservoir"
    required = False

    def __init__(self, size: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.tokens = 0
        self._size = size
        self._clock = clock
        self._shown: float | None = None
        self._shown_tokens = 0
        self._last: tuple[Any, Any] | None = None

    def start(self, model: LanguageModel) -> _Guide:
        """Listens to an answer by ``model``; hears nothing of one without hidden states."""
        return _Guide(self, model)

    def hear(self, hidden: Any) -> None:
        """Takes a (n_embed,) hidden vector."""
        import numpy as np

        from ..dtesn.listening import driving

        # Many sessions share the weights; the states are here.
        reservoir = _reservoir(self._size)
        given = driving(np.asarray(hidden)[None])
        before = np.zeros(self._size, np.float32) if self._last is None else self._last[0]
        after, rows = before.copy(), np.empty((1, self._size), np.float32)
        reservoir.advance(after, given, np.zeros((1, 0), np.float32), rows)
        self._last = after, before
        self.tokens += 1

    def event(self) -> events.Activity | None:
        """What it does now, if that is news, at most ten times a second."""
        now = self._clock()
        if self._last is None or self._shown_tokens == self.tokens:
            return None
        if self._shown is not None and now < self._shown + _SECONDS:
            return None
        import numpy as np

        self._shown, self._shown_tokens = now, self.tokens
        state, before = self._last
        return events.Activity(
            tokens=self.tokens,
            size=self._size,
            norm=float(np.linalg.norm(state)),
            mean_abs=float(np.abs(state).mean()),
            change=float(np.linalg.norm(state - before)),
            units=[round(float(x), 4) for x in state[:SHOWN]],
        )


class _Guide:
    def __init__(self, echo: Echo, model: LanguageModel) -> None:
        self._echo = echo
        self._model = model if hasattr(model, "hidden") else None

    def adjust(self, logits: Any) -> Any:
        return logits

    def accept(self, token: int, reading: Reading) -> None:
        if self._model is not None:
            from ..hidden import hidden_of

            self._echo.hear(hidden_of(self._model))


@lru_cache(maxsize=2)
def _reservoir(size: int) -> Reservoir:
    from ..dtesn.listening import listening_reservoir

    return listening_reservoir(size)
