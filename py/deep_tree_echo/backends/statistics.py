"""What a backend has done so far, and how fast."""

from __future__ import annotations

from typing import Any, Final

from .quantiles import QuantileSketch

__all__ = ["LEAST_TOKENS", "BackendStatistics", "Speed"]

_DECAY: Final = 0.99
"""A token counts half as much 69 tokens later."""
LEAST_TOKENS: Final = 4
"""A speed over fewer tokens is none."""


class Speed:
    """Tokens a second of late, by the time that the backend itself took.

    Examples
    --------
    >>> speed = Speed()
    >>> for _ in range(8):
    ...     speed.add(0.01)
    >>> round(speed.tokens_per_second)
    100
    """

    def __init__(self) -> None:
        self._count = 0
        self._tokens = self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Counts a token that took so long."""
        self._count += 1
        self._tokens = self._tokens * _DECAY + 1
        self._seconds = self._seconds * _DECAY + max(seconds, 1e-9)

    @property
    def tokens_per_second(self) -> float | None:
        """The speed; ``None`` before there are enough tokens."""
        return self._tokens / self._seconds if self._count >= LEAST_TOKENS else None


class BackendStatistics:
    """Counts of one backend; whoever holds the router's lock may change them.

    Attributes
    ----------
    requests : int
        Answers begun. Each is under way, completed, cancelled, refused or an error.
    completed, cancelled, refused, errors : int
        Answers that came to their end; that were stopped or left; that could not be given for a
        reason that lies in the request; and those in which the backend failed.
    cache_hits : int
        Answers given again; no request of the backend.
    backend_switches : int
        How often the router went over to this one.
    latency : QuantileSketch
        Seconds of complete answers, prompt included, without the time that the reader took.
    first_token : QuantileSketch
        Seconds to the first token, likewise.
    """

    def __init__(self) -> None:
        self.requests = self.completed = self.cancelled = self.refused = self.errors = 0
        self.cache_hits = self.backend_switches = self.tokens = 0
        self.latency = QuantileSketch()
        self.first_token = QuantileSketch()
        self.speed = Speed()

    @property
    def under_way(self) -> int:
        """Answers that have not ended."""
        return self.requests - self.completed - self.cancelled - self.refused - self.errors

    @property
    def success_rate(self) -> float | None:
        """The share of answers that the backend did not fail in; ``None`` before one has ended."""
        good = self.completed + self.cancelled + self.refused
        return good / (good + self.errors) if good + self.errors else None

    def to_json(self) -> dict[str, Any]:
        """All of it, times in seconds; ``None`` where nothing has been measured."""
        latency, known = self.latency, self.latency.count > 0
        return {
            "requests": self.requests,
            "completed": self.completed,
            "cancelled": self.cancelled,
            "refused": self.refused,
            "errors": self.errors,
            "under_way": self.under_way,
            "success_rate": self.success_rate,
            "total_time": latency.total,
            "avg_time": latency.total / latency.count if known else None,
            "min_latency": latency.least if known else None,
            "max_latency": latency.most if known else None,
            "p50_latency": latency.quantile(0.5),
            "p90_latency": latency.quantile(0.9),
            "p99_latency": latency.quantile(0.99),
            "p50_first_token": self.first_token.quantile(0.5),
            "tokens": self.tokens,
            "tokens_per_second": self.speed.tokens_per_second,
            "cache_hits": self.cache_hits,
            "backend_switches": self.backend_switches,
        }
