"""A circuit breaker: who keeps failing is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

__all__ = ["BreakerState", "CircuitBreaker"]

BreakerState = Literal["closed", "open", "half_open"]
"""In use; left alone; and on trial, by a single request."""
_LONGEST: Final = 16
"""Trials that fail double the time until the next one, up to so many times the first."""


class CircuitBreaker:
    """Opens after some errors in a row; later one request may try.

    Parameters
    ----------
    open_after : int
        Errors in a row, at least 1.
    open_seconds : float
        How long it stays open at first.
    clock : callable
        Gives seconds; only differences matter.

    Examples
    --------
    >>> now = 0.0
    >>> breaker = CircuitBreaker(open_after=2, open_seconds=30, clock=lambda: now)
    >>> breaker.fail(), breaker.state, breaker.fail(), breaker.state, breaker.allows()
    (None, 'closed', None, 'open', False)
    >>> now = 30.0
    >>> breaker.allows(), breaker.begin(), breaker.state, breaker.allows()
    (True, True, 'half_open', False)
    >>> breaker.succeed()
    >>> breaker.state
    'closed'
    """

    def __init__(self, open_after: int, open_seconds: float, clock: Callable[[], float]) -> None:
        self.state: BreakerState = "closed"
        """Where it stands."""
        self._open_after = open_after
        self._first = self._seconds = open_seconds
        self._clock = clock
        self._errors = 0
        self._until = 0.0

    @property
    def seconds_left(self) -> float:
        """How long nobody may try; 0 unless it is open or on trial."""
        return 0.0 if self.state == "closed" else max(0.0, self._until - self._clock())

    def allows(self) -> bool:
        """Whether a request may try now."""
        # A trial that never ends must not close the door for ever.
        return self.state == "closed" or self._clock() >= self._until

    def begin(self) -> bool:
        """Takes note that a request tries; whether it is the trial of an open breaker."""
        if self.state == "closed":
            return False
        self.state = "half_open"
        self._until = self._clock() + self._first
        return True

    def succeed(self) -> None:
        """A request has been answered."""
        self.state = "closed"
        self._errors, self._seconds = 0, self._first

    def fail(self, *, at_once: bool = False) -> None:
        """A request has failed; ``at_once`` opens whatever came before."""
        if self.state == "open" and not at_once:
            return  # begun before it opened
        if self.state != "closed":
            self._seconds = min(self._seconds * 2, self._first * _LONGEST)
        self._errors += 1
        if self.state != "closed" or at_once or self._errors >= self._open_after:
            self.state = "open"
            self._until = self._clock() + self._seconds
