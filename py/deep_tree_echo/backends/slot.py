"""A place for one backend in a router: loaded or not, trusted or not, with what it has done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import EchoError, UnsupportedModelError
from ..events import Token
from .base import Backend
from .breaker import BreakerState, CircuitBreaker
from .health import Health
from .statistics import BackendStatistics
from .watched import Loaded

__all__ = ["Slot", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that changed in who answers, and why.

    Attributes
    ----------
    at : float
        When, in seconds since 1970.
    backend : str
        Whom it is about.
    what : str
        ``loaded``, ``retired``, ``chosen``, ``failed``, or the new state of its circuit breaker:
        ``open``, ``half_open`` or ``closed``.
    reason : str
        One sentence.
    """

    at: float
    backend: str
    what: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


class Slot:
    """One backend that a router may use. Whoever holds the router's lock may change it.

    Parameters
    ----------
    name : str
        What the router calls it.
    load : callable or None
        Loads the backend afresh; ``None`` if it was given and cannot be loaded again.
    answers : bool
        Whether a model stands behind it, unlike the mock.
    breaker : CircuitBreaker
        Whether it is trusted.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Backend] | None,
        answers: bool,
        breaker: CircuitBreaker,
    ) -> None:
        self.name = name
        self.load = load
        self.answers = answers
        self.breaker = breaker
        self.loaded: Loaded | None = None
        """The backend in memory."""
        self.statistics = BackendStatistics()
        """What it has done."""
        self.health: Health | None = None
        """What the last check found."""
        self.earlier: list[Token] | None = None
        """What it answered to the check since it was loaded."""
        self.fingerprint = ""
        """Which model it held last; empty if nobody knows."""
        self.fault: EchoError | None = None
        """What is wrong with its model rather than with the backend, if it could not be loaded."""
        self.reason = ""
        """Its last failure, in one sentence; empty after a success."""

    @property
    def state(self) -> BreakerState:
        """The state of its circuit breaker."""
        return self.breaker.state

    @property
    def speed(self) -> float | None:
        """Tokens a second, of late."""
        return self.statistics.speed.tokens_per_second

    @property
    def trusted(self) -> bool:
        """Whether a request may go there now."""
        if isinstance(self.fault, UnsupportedModelError) or not self.breaker.allows():
            return False
        return self.loaded is not None or self.load is not None

    def why_not(self) -> str:
        """Why no request may go there, in one sentence without its full stop."""
        reason = self.reason.rstrip(".")
        if isinstance(self.fault, UnsupportedModelError):
            return reason
        left = self.breaker.seconds_left
        again = f", next try in {left:.0f} s" if left > 0 else ""
        return (reason or "it was not asked") + again

    def to_json(self) -> dict[str, Any]:
        """How it stands and what it has done."""
        return {
            "backend": self.name,
            "loaded": self.loaded is not None,
            "circuit": self.state,
            "seconds_until_trial": self.breaker.seconds_left,
            "reason": self.reason,
            "health": self.health.to_json() if self.health else None,
            "statistics": self.statistics.to_json(),
        }
