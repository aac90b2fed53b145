"""How fast an answer comes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Meter:
    """Counts the tokens of one answer and times them.

    Parameters
    ----------
    clock : callable
        Gives seconds; only differences matter.

    Examples
    --------
    >>> seconds = iter([0.0, 0.5, 0.75, 1.0])
    >>> meter = Meter(lambda: next(seconds))
    >>> for _ in range(3):
    ...     meter.count()
    >>> meter.n_tokens, meter.first_token_seconds, meter.tokens_per_second
    (3, 0.5, 4.0)
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._begin = self._reported = clock()
        self.reset()

    def reset(self) -> None:
        """Begins to count anew; the time already spent still delays the first token."""
        self.n_tokens = 0
        self._first = self._last = self._begin
        self._recent: deque[float] = deque()

    def count(self) -> None:
        """Takes note of a token."""
        self._last = self._clock()
        if self.n_tokens == 0:
            self._first = self._last
        self.n_tokens += 1
        self._recent.append(self._last)
        while self._recent[0] < self._last - 1:
            self._recent.popleft()

    def due(self, seconds: float) -> bool:
        """Whether so much time has passed since this was last true."""
        if self._last - self._reported < seconds:
            return False
        self._reported = self._last
        return True

    @property
    def first_token_seconds(self) -> float:
        """Seconds until the first token; 0 before it."""
        return self._first - self._begin

    @property
    def tokens_per_second(self) -> float:
        """The speed since the first token; 0 before the second one."""
        return _rate(self.n_tokens - 1, self._last - self._first)

    @property
    def recent_tokens_per_second(self) -> float:
        """The speed over the last second."""
        if not self._recent:
            return 0.0
        return _rate(len(self._recent) - 1, self._recent[-1] - self._recent[0])


def _rate(count: int, seconds: float) -> float:
    return count / seconds if count > 0 and seconds > 0 else 0.0
